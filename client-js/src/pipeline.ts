/**
 * The way of messages between the session and the wire: numbers them, and leads them through the application's
 * extensions and the client's own features. It decides nothing about the session.
 */

import { HANDSHAKE, SUBSCRIBE } from './channel.js';
import type { Dispatcher } from './dispatcher.js';
import type { Settle } from './envelope.js';
import { type FayeError, failure } from './error.js';
import type { Extensions } from './extensible.js';
import type { Feature } from './feature.js';
import { copyOf, type Message } from './message.js';

/** How long and how often a message is tried; `timeout` in seconds, `deadline` in milliseconds since 1970. */
export interface Limits {
  attempts?: number | undefined;
  deadline?: number | undefined;
  timeout: number;
}

const UNWANTED = 'The client is disconnected';

/** What concerns one message; by default it is wanted. */
export interface Wishes extends Omit<Limits, 'timeout'> {
  isWanted?: () => boolean;
}

export class Pipeline {
  #extensions: Extensions;
  #features: Feature[];
  #count = 0;

  constructor(extensions: Extensions, features: Feature[]) {
    this.#extensions = extensions;
    this.#features = features;
  }

  /**
   * Sends a message, if it is still wanted when all who have a say have had it. `settle` is called with its reply, or
   * with what went wrong. Gives the id.
   */
  send(
    message: Message,
    { isWanted, ...limits }: Limits & { isWanted: () => boolean },
    dispatcher: Dispatcher,
    settle: Settle,
  ): string {
    this.#count = (this.#count + 1) % 2 ** 32;
    const id = this.#count.toString(36);
    message.id = id;
    const drop = (reason: string): void => settle(undefined, failure(reason));
    const send = (): void => {
      if (!isWanted()) return drop(UNWANTED);
      this.pass('outgoing', message, (passed) => {
        // An extension may have taken its time.
        if (!isWanted()) return drop(UNWANTED);
        if (!passed) return drop('An extension dropped the message');
        for (const feature of this.#features) feature.outgoing?.(passed);
        passed.id = id;
        // A copy, which nobody changes while it waits for its reply.
        const copy = copyOf(passed, drop);
        if (copy) dispatcher.send(copy, limits, settle);
      });
    };
    const { channel } = message;
    const preparing = channel === HANDSHAKE || channel === SUBSCRIBE
      ? this.#features.map((feature) => feature.prepare?.()).filter(Boolean)
      : [];
    if (preparing.length === 0) send();
    else Promise.all(preparing).then(send, (error) => drop(`No token: ${error}`));
    return id;
  }

  /** Leads a message from the server to `done`, which is given null when a feature or an extension dropped it. */
  receive(message: Message, done: (message: Message | null) => void): void {
    if (this.#features.map((feature) => feature.incoming?.(message)).includes(false)) return done(null);
    this.pass('incoming', message, done);
  }

  pass(stage: 'incoming' | 'outgoing', message: Message, done: (message: Message | null) => void): void {
    this.#extensions.pipe(stage, message, done);
  }

  /** Whether a refused message may be sent once more, because something that it needs will be renewed. */
  mayRetry(message: Message, error: FayeError): boolean {
    return this.#features.some((feature) => feature.retries?.(message, error));
  }
}
