/**
 * The messages that are not answered yet, in the order in which they were made, and which of them may be sent now. It
 * sends nothing.
 */

import { fateOf } from './advice.js';
import { CONNECT, HANDSHAKE, isMeta, SUBSCRIBE, UNSUBSCRIBE } from './channel.js';
import { type Envelope, isConnect, type Settle } from './envelope.js';
import { type FayeError, failure } from './error.js';
import type { Message } from './message.js';
import type { Transport } from './transport/transport.js';

/** How often a publication goes on in a new session when the server has forgotten the old one. */
const MOST_SESSIONS = 3;

/** What is sent in one go. The rest follows when that has been taken. */
export const MOST = 200;

export class Outbox {
  #envelopes = new Map<string, Envelope>();

  add(envelope: Envelope): void {
    this.#envelopes.set(envelope.message.id!, envelope);
  }

  get(id: string | undefined): Envelope | undefined {
    return id === undefined ? undefined : this.#envelopes.get(id);
  }

  /** Whether there is no publication. */
  get isEmpty(): boolean {
    return this.all().every(({ message }) => isMeta(message));
  }

  all(): Envelope[] {
    return [...this.#envelopes.values()];
  }

  /** Those of these messages that a transport carries; without messages, all that it carries. */
  carriedBy(transport: Transport, messages: Message[] | undefined): Envelope[] {
    return this.all().filter((envelope) =>
      envelope.transport === transport && (!messages || messages.includes(envelope.message)));
  }

  /** Gives up a message. */
  abort(id: string, error: FayeError): void {
    const envelope = this.get(id);
    if (!envelope) return;
    envelope.schedule.tell('abort');
    this.drop(envelope)(undefined, error);
  }

  /** Forgets messages without a word: nobody needs the reply any more. */
  forget(matches: (message: Message) => boolean): void {
    for (const envelope of this.all()) if (matches(envelope.message)) this.drop(envelope);
  }

  /** What carries a message now; undefined while it waits. */
  carrier(id: string | undefined): Transport | undefined {
    return this.get(id)?.transport;
  }

  /** A publication whose session the server has forgotten goes on in the next one, at its place. Gives whether it does. */
  goesOn(envelope: Envelope, reply: Message): boolean {
    const { message, clientId, sessions } = envelope;
    if (isMeta(message) || sessions >= MOST_SESSIONS) return false;
    if (fateOf(reply, clientId ?? '') !== 'lost') return false;
    this.wait(envelope);
    return true;
  }

  /** What waits and may be sent over a transport now. What may be sent no more is given up. */
  sendable(transport: Transport, clientId: string | undefined): Envelope[] {
    // What another transport carries, or was sent in another session, has to arrive before what comes after it.
    const isMoving = this.isElsewhere(transport, (message) => !isConnect(message));
    const isOlder = this.older(clientId).length > 0;
    const waiting: Envelope[] = [];
    for (const envelope of this.#envelopes.values()) {
      const { channel } = envelope.message;
      if (envelope.transport || (!clientId && channel !== HANDSHAKE)) continue;
      if (channel !== HANDSHAKE && channel !== CONNECT) {
        if (isMoving || (isOlder && channel !== SUBSCRIBE && channel !== UNSUBSCRIBE)) continue;
      }
      if (!envelope.schedule.isDeliverable) {
        this.giveUp(envelope);
        continue;
      }
      if (envelope.isAlone && waiting.length > 0) break;
      waiting.push(envelope);
      if (envelope.isAlone || waiting.length >= MOST) break;
    }
    return waiting;
  }

  /** What is under way and was sent in another session. */
  older(clientId: string | undefined): Envelope[] {
    return this.all().filter((envelope) =>
      envelope.transport && envelope.message.clientId !== undefined && envelope.clientId !== clientId);
  }

  /** Takes a message out. Whoever waits for the reply is to be told by what is given. */
  end(envelope: Envelope): Settle {
    clearTimeout(envelope.timer);
    this.#envelopes.delete(envelope.message.id!);
    return envelope.settle;
  }

  /** Takes a message out that has no reply. */
  fail(envelope: Envelope, error: FayeError): void {
    this.end(envelope)(undefined, error);
  }

  /** Takes a message out, whose reply nobody waits for any more. */
  drop(envelope: Envelope): Settle {
    envelope.transport?.cancel(envelope.message);
    return this.end(envelope);
  }

  /**
   * The messages are not sent again. What is under way goes on, because a server that has begun to answer may have put
   * messages for us into its answer.
   */
  retire(matches: (message: Message) => boolean): void {
    for (const envelope of this.all()) {
      if (!matches(envelope.message)) continue;
      if (!envelope.transport) this.end(envelope);
      envelope.isRetired = true;
      envelope.settle = () => {};
    }
  }

  /** Whether a message of this sort is under way on any transport but this one. */
  isElsewhere(transport: Transport, matches: (message: Message) => boolean): boolean {
    return this.all().some((envelope) =>
      envelope.transport && envelope.transport !== transport && !envelope.isOverdue && matches(envelope.message));
  }

  /** Faye never answers a connect that another one has replaced. */
  waitNoLonger(): void {
    for (const envelope of this.all()) if (isConnect(envelope.message)) envelope.isOverdue = true;
  }

  /** It was not answered: it waits to be sent again, or is given up. */
  wait(envelope: Envelope): void {
    if (envelope.isRetired) return void this.drop(envelope);
    clearTimeout(envelope.timer);
    envelope.transport = undefined;
    envelope.isOverdue = false;
    envelope.schedule.tell('fail');
    if (!envelope.schedule.isDeliverable) this.giveUp(envelope);
  }

  giveUp(envelope: Envelope): void {
    envelope.schedule.tell('abort');
    this.fail(envelope, failure('Out of attempts'));
  }

  /** A server ended the socket because of one message, which would happen again: it is the largest with data. */
  refuseLargest(envelopes: Envelope[], error: FayeError): void {
    const size = ({ message }: Envelope): number => JSON.stringify(message).length;
    const [largest] = envelopes.filter(({ message }) => message.data !== undefined).sort((a, b) => size(b) - size(a));
    if (largest) this.fail(largest, error);
  }
}
