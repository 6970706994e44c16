/**
 * Transports that send requests and read responses. Subclasses know how one request is made; this knows which
 * messages go into it: connects at any time, everything else one request after the other, so that it stays in order.
 */

import { CONNECT, HANDSHAKE } from '../channel.js';
import { type FayeError, failure } from '../error.js';
import type { Message } from '../message.js';
import type { Place, Transport } from './transport.js';

/** A request under way. */
export interface Exchange {
  /** What the server said, or the status with which it refused to read the request. */
  readonly answer: Promise<Message[] | number>;
  abort(): void;
}

const LARGEST_BATCH = 100;
const isConnect = ({ channel }: Message): boolean => channel === CONNECT;
/** It waits for nobody: a connect may be held, and nothing else is of use before a handshake. */
const isFree = ({ channel }: Message): boolean => channel === CONNECT || channel === HANDSHAKE;

export abstract class RequestTransport implements Transport {
  protected readonly place: Place;
  /** Characters of JSON that one request may hold, unless a single message is larger. */
  protected readonly largest: number = 65_536;
  #underWay = new Map<Exchange, { batch: Message[]; awaited: Set<Message> }>();
  #isBusy = false;

  constructor(place: Place) {
    this.place = place;
  }

  /** Begins one request. */
  protected abstract exchange(messages: Message[]): Exchange;

  send(waiting: Message[]): Message[] {
    const batch = this.#isBusy ? waiting.filter(isFree).slice(0, 1) : this.#batch(waiting);
    if (batch.length === 0) return batch;
    const holdsOthers = !batch.every(isFree);
    if (holdsOthers) this.#isBusy = true;
    // A connect that was held would hold the replies to the others.
    const request = holdsOthers
      ? batch.map((message) => (isConnect(message) ? { ...message, advice: { timeout: 0 } } : message))
      : batch;
    const exchange = this.#begin(request);
    this.#underWay.set(exchange, { batch, awaited: new Set(batch) });
    exchange.answer.then(
      (answer) => this.#answered(exchange, batch, answer, holdsOthers),
      (error: FayeError) => this.#failed(exchange, batch, error, holdsOthers),
    );
    return batch;
  }

  /** A request that cannot even be made, because a header has no valid value for example, is one that failed. */
  #begin(messages: Message[]): Exchange {
    try {
      return this.exchange(messages);
    } catch (error) {
      return { answer: Promise.reject(failure(`The request could not be made: ${error}`)), abort: () => {} };
    }
  }

  /** As many messages as one request may hold: a connect only with others or alone, never two. */
  #batch(waiting: Message[]): Message[] {
    const batch: Message[] = [];
    let size = 0;
    for (const message of waiting) {
      size += JSON.stringify(message).length;
      if (batch.length > 0 && (size > this.largest || batch.length >= LARGEST_BATCH)) break;
      batch.push(message);
    }
    return batch;
  }

  #answered(exchange: Exchange, batch: Message[], answer: Message[] | number, heldOthers: boolean): void {
    if (!this.#end(exchange, heldOthers)) return;
    if (typeof answer === 'number') this.place.to.refused(batch, answer);
    else this.place.to.received(answer);
    this.place.to.ready();
  }

  #failed(exchange: Exchange, batch: Message[], error: FayeError, heldOthers: boolean): void {
    if (this.#end(exchange, heldOthers)) this.place.to.failed(batch, error);
  }

  #end(exchange: Exchange, heldOthers: boolean): boolean {
    if (heldOthers) this.#isBusy = false;
    return this.#underWay.delete(exchange);
  }

  /** A response may hold what others wait for: only a request that nobody waits for is ended. */
  cancel(message: Message): void {
    for (const [exchange, { batch, awaited }] of this.#underWay) {
      if (!awaited.delete(message) || awaited.size > 0) continue;
      this.#end(exchange, !batch.every(isFree));
      exchange.abort();
    }
  }

  close(): void {
    for (const exchange of this.#underWay.keys()) exchange.abort();
    this.#underWay.clear();
    this.#isBusy = false;
  }
}
