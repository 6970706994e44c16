/**
 * A promise that the client settles, with Faye's `callback` and `errback`.
 */

import { later, type Timer } from './clock.js';
import { failure } from './error.js';

/** The states of Faye's Deferrable. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';

/** A promise with Faye's `callback` and `errback`. An unhandled rejection does not end a Node process. */
export class Deferrable extends Promise<void> {
  #settle: { resolve: (value?: any) => void; reject: (error: unknown) => void };
  #timer: Timer | undefined;
  /** Whether the promise is resolved or rejected. */
  isSettled = false;

  /** Creates a pending promise. */
  constructor() {
    let settle!: { resolve: (value?: any) => void; reject: (error: unknown) => void };
    super((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#settle = settle;
    // As in Faye, an unhandled failure is silent, and a Node process goes on.
    super.catch(() => {});
  }

  /** `then` returns an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Calls `callback` when the promise resolves. */
  callback<Context = unknown>(callback: ((this: Context, value: any) => void) | undefined, context?: Context): void {
    if (callback) void this.then((value) => callback.call(context as Context, value), () => {});
  }

  /** Calls `callback` with the error when the promise rejects. */
  errback<Context = unknown>(callback: ((this: Context, error: any) => void) | undefined, context?: Context): void {
    if (callback) void this.then(undefined, (error: unknown) => callback.call(context as Context, error));
  }

  /** Rejects the promise after that many seconds, with `reason` if given, unless it is settled earlier. */
  timeout(seconds: number, reason?: unknown): void {
    clearTimeout(this.#timer);
    this.#timer = later(
      () => this.spoil(reason ?? failure(`Not settled within ${seconds} s`)),
      seconds * 1000,
    );
  }

  /** Settles the promise. Only the first call has an effect. */
  setDeferredStatus(status: DeferredStatus, value?: unknown): void {
    if (status === 'succeeded') this.succeed(value);
    else if (status === 'failed') this.spoil(value);
  }

  /** Resolves the promise. Used by the client. */
  succeed(value?: unknown): void {
    this.#end();
    this.#settle.resolve(value);
  }

  /** Rejects the promise. Used by the client. */
  spoil(error: unknown): void {
    this.#end();
    this.#settle.reject(error);
  }

  #end(): void {
    this.isSettled = true;
    clearTimeout(this.#timer);
  }
}
