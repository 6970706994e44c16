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
    const batch = this.#batch(waiting);
    if (batch.length === 0) return batch;
    const isLane = !isFree(batch[0]!);
    if (isLane) this.#isBusy = true;
    const exchange = this.#begin(batch);
    this.#underWay.set(exchange, { batch, awaited: new Set(batch) });
    exchange.answer.then(
      (answer) => this.#answered(exchange, batch, answer, isLane),
      (error: FayeError) => this.#failed(exchange, batch, error, isLane),
    );
    return batch;
  }

  /** A request that cannot even be made, because a header has no valid value for example, is one that failed. */
  #begin(messages: Message[]): Exchange {
    try {
      return this.exchange(messages);
    } catch (error) {
      return { answer: Promise.reject(failure(`Request failed: ${error}`)), abort: () => {} };
    }
  }

  /**
   * What goes into the next request: a connect or a handshake alone, since Faye answers a request when all of it is
   * done, and a connect that another one replaces never; of the others as many as a request may hold.
   */
  #batch(waiting: Message[]): Message[] {
    const free = waiting.find(isFree);
    if (free) return [free];
    const batch: Message[] = [];
    let size = 0;
    for (const message of this.#isBusy ? [] : waiting) {
      size += JSON.stringify(message).length;
      if (batch.length > 0 && (size > this.largest || batch.length >= LARGEST_BATCH)) break;
      batch.push(message);
    }
    return batch;
  }

  #answered(exchange: Exchange, batch: Message[], answer: Message[] | number, isLane: boolean): void {
    if (!this.#end(exchange, isLane)) return;
    if (typeof answer === 'number') this.place.to.refused(batch, answer);
    else this.place.to.received(answer);
    this.place.to.ready();
  }

  #failed(exchange: Exchange, batch: Message[], error: FayeError, isLane: boolean): void {
    if (this.#end(exchange, isLane)) this.place.to.failed(batch, error);
  }

  #end(exchange: Exchange, isLane: boolean): boolean {
    if (isLane) this.#isBusy = false;
    return this.#underWay.delete(exchange);
  }

  /** A response may hold what others wait for: only a request that nobody waits for is ended. */
  cancel(message: Message): void {
    for (const [exchange, { batch, awaited }] of this.#underWay) {
      if (!awaited.delete(message) || awaited.size > 0) continue;
      this.#end(exchange, !isFree(batch[0]!));
      exchange.abort();
    }
  }

  close(): void {
    for (const exchange of this.#underWay.keys()) exchange.abort();
    this.#underWay.clear();
    this.#isBusy = false;
  }
}
