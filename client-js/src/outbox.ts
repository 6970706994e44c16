/**
 * The messages that are not answered yet, in the order in which they were sent. It decides nothing.
 */

import type { Envelope, Settle } from './envelope.js';
import { type FayeError, failure } from './error.js';
import type { Message } from './message.js';
import type { Transport } from './transport/transport.js';

export class Outbox {
  #envelopes = new Map<string, Envelope>();

  add(envelope: Envelope): void {
    this.#envelopes.set(envelope.message.id!, envelope);
  }

  get(id: string | undefined): Envelope | undefined {
    return id === undefined ? undefined : this.#envelopes.get(id);
  }

  all(): Envelope[] {
    return [...this.#envelopes.values()];
  }

  /** Those of these messages that a transport carries; without messages, all that it carries. */
  carriedBy(transport: Transport, messages: Message[] | undefined): Envelope[] {
    return this.all().filter((envelope) =>
      envelope.transport === transport && (!messages || messages.includes(envelope.message)));
  }

  /** Takes a message out. Whoever waits for the reply is to be told by what is given. */
  end(envelope: Envelope): Settle {
    clearTimeout(envelope.timer);
    this.#envelopes.delete(envelope.message.id!);
    return envelope.settle;
  }

  /** Takes a message out, whose reply nobody waits for any more. */
  drop(envelope: Envelope): Settle {
    envelope.transport?.cancel(envelope.message);
    return this.end(envelope);
  }

  /** It was not answered: it waits to be sent again, or is given up. */
  wait(envelope: Envelope): void {
    clearTimeout(envelope.timer);
    envelope.transport = undefined;
    envelope.scheduler.fail();
    if (!envelope.scheduler.isDeliverable()) this.giveUp(envelope);
  }

  giveUp(envelope: Envelope): void {
    envelope.scheduler.abort();
    this.end(envelope)(undefined, failure('The message was given up: its attempts or its time ran out'));
  }

  /** A server ended the socket because of one message, which would happen again: it is the largest with data. */
  refuseLargest(envelopes: Envelope[], error: FayeError): void {
    const size = ({ message }: Envelope): number => JSON.stringify(message).length;
    const [largest] = envelopes.filter(({ message }) => message.data !== undefined).sort((a, b) => size(b) - size(a));
    if (largest) this.end(largest)(undefined, error);
  }
}
