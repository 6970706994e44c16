/**
 * The end of a session as we wish it: waits for the reply to the disconnect, but not for ever.
 */

import { later, type Timer } from './clock.js';
import { type FayeError, failure } from './error.js';
import type { Waiting } from './waiting.js';

const LONGEST = 10_000;

export class Farewell {
  /** The id of the disconnect, once it was sent. */
  declare id: string | undefined;
  /** What is to be done afterwards, if it is to begin again. */
  declare next: Waiting | undefined;
  #done: ((error: FayeError | undefined) => void) | undefined;
  #timer: Timer | undefined;

  get isBegun(): boolean {
    return this.#done !== undefined;
  }

  takeNext(): Waiting | undefined {
    const { next } = this;
    this.next = undefined;
    return next;
  }

  begin(done: (error: FayeError | undefined) => void): void {
    this.#done = done;
    this.#timer = later(() => this.end(failure('The server does not answer')), LONGEST);
  }

  end(error?: FayeError): void {
    const done = this.#done;
    clearTimeout(this.#timer);
    this.#done = this.id = undefined;
    done?.(error);
  }
}
