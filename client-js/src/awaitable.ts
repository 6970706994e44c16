/**
 * Waiting for the connection of a client, as in Faye: `client.callback(...)`, `client.errback(...)`.
 */

import { Deferrable, type DeferredStatus } from './deferrable.js';
import { Emitter } from './emitter.js';

/**
 * An object with a connection to wait for, by Faye's `callback` and `errback`. It has no `then`, so an `async` function can
 * return a client.
 */
export class Awaitable<Events extends Record<string, unknown[]>> extends Emitter<Events> {
  #connected = new Deferrable();

  /** Starts a new wait: an earlier result does not apply to a new connection. */
  protected awaitConnection(): void {
    if (this.#connected.isSettled) this.#connected = new Deferrable();
  }

  /** Calls `callback` once the client has a session; immediately if it has one. */
  callback(callback?: () => void, context?: unknown): void {
    this.#connected.callback(callback, context);
  }

  /**
   * Calls `callback` with a `FayeError` when the client abandons the connection: the server refused it for good, no transport
   * can be used, or the client was disconnected.
   */
  errback(callback?: (error: any) => void, context?: unknown): void {
    this.#connected.errback(callback, context);
  }

  /**
   * Calls the callbacks of `errback` with `reason`, unless the client has a session within that many seconds.
   */
  timeout(seconds: number, reason?: unknown): void {
    this.#connected.timeout(seconds, reason);
  }

  /** Settles the wait for the connection, as in Faye. Applications do not need it. */
  setDeferredStatus(status: DeferredStatus, value?: unknown): void {
    this.#connected.setDeferredStatus(status, value);
  }
}
