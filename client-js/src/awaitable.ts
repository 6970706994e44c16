/**
 * The client's connection as something to wait for, as with Faye: `client.callback(...)`, `client.errback(...)`.
 */

import { Deferrable, type DeferredStatus } from './deferrable.js';
import { Emitter } from './emitter.js';

/**
 * A client as an object whose connection can be waited for, with Faye's `callback` and `errback`. It has no `then`,
 * so that an `async` function can return a client.
 */
export class Awaitable<Events extends Record<string, unknown[]>> extends Emitter<Events> {
  #connected = new Deferrable();

  /** What was settled before says nothing about the connection that is asked for now. */
  protected awaitConnection(): void {
    if (this.#connected.isSettled) this.#connected = new Deferrable();
  }

  /** Calls `callback` once there is a session; at once if there is one. */
  callback(callback?: () => void, context?: unknown): void {
    this.#connected.callback(callback, context);
  }

  /**
   * Calls `callback` with a `FayeError` when the connection was given up: the server refused it for good, no
   * transport can be used, or the client was disconnected.
   */
  errback(callback?: (error: any) => void, context?: unknown): void {
    this.#connected.errback(callback, context);
  }

  /**
   * Gives the connection up for those who wait for it, with `reason`, unless there is a session within so many
   * seconds.
   */
  timeout(seconds: number, reason?: unknown): void {
    this.#connected.timeout(seconds, reason);
  }

  /** Settles the connection for those who wait for it, as with Faye. Applications do not need it. */
  setDeferredStatus(status: DeferredStatus, value?: unknown): void {
    this.#connected.setDeferredStatus(status, value);
  }
}
