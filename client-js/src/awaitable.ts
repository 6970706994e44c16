/**
 * The client as a promise of its connection, which it is with Faye too: `client.callback(...)`, `client.then(...)`.
 */

import { Deferrable, type DeferredStatus } from './deferrable.js';
import { Emitter } from './emitter.js';

export class Awaitable<Events extends Record<string, unknown[]>> extends Emitter<Events> {
  #connected = new Deferrable();

  /** What was settled before says nothing about the connection that is asked for now. */
  protected awaitConnection(): void {
    if (this.#connected.isSettled) this.#connected = new Deferrable();
  }

  callback(callback?: () => void, context?: unknown): void {
    this.#connected.callback(callback, context);
  }

  errback(callback?: (error: any) => void, context?: unknown): void {
    this.#connected.errback(callback, context);
  }

  timeout(seconds: number, reason?: unknown): void {
    this.#connected.timeout(seconds, reason);
  }

  setDeferredStatus(status: DeferredStatus, value?: unknown): void {
    this.#connected.setDeferredStatus(status, value);
  }
}
