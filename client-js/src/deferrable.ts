/**
 * A promise that somebody else settles, with Faye's `callback` and `errback`.
 */

import { later, type Timer } from './clock.js';
import { failure } from './error.js';

/** What `then` takes of an error; Faye's Deferrable takes any value. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';

/** A promise with Faye's `callback` and `errback`. A failure that is not asked for does not end a Node process. */
export class Deferrable extends Promise<void> {
  #settle: { resolve: (value?: any) => void; reject: (error: unknown) => void };
  #timer: Timer | undefined;
  /** Whether it was resolved or rejected. */
  isSettled = false;

  /** A promise that is open. */
  constructor() {
    let settle!: { resolve: (value?: any) => void; reject: (error: unknown) => void };
    super((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#settle = settle;
    // Like Faye: who does not ask for the outcome does not hear of a failure, and in Node the process goes on.
    super.catch(() => {});
  }

  /** What `then` gives is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Calls `callback` when it resolves. */
  callback<Context = unknown>(callback: ((this: Context, value: any) => void) | undefined, context?: Context): void {
    if (callback) void this.then((value) => callback.call(context as Context, value), () => {});
  }

  /** Calls `callback` with the error when it rejects. */
  errback<Context = unknown>(callback: ((this: Context, error: any) => void) | undefined, context?: Context): void {
    if (callback) void this.then(undefined, (error: unknown) => callback.call(context as Context, error));
  }

  /** Rejects after so many seconds unless it is settled before. */
  timeout(seconds: number, reason?: unknown): void {
    clearTimeout(this.#timer);
    this.#timer = later(
      () => this.spoil(reason ?? failure(`Not settled within ${seconds} s`)),
      seconds * 1000,
    );
  }

  /** Settles it. Only the first call counts. */
  setDeferredStatus(status: DeferredStatus, value?: unknown): void {
    if (status === 'succeeded') this.succeed(value);
    else if (status === 'failed') this.spoil(value);
  }

  /** Resolves it. The client does so itself. */
  succeed(value?: unknown): void {
    this.#end();
    this.#settle.resolve(value);
  }

  /** Rejects it. The client does so itself. */
  spoil(error: unknown): void {
    this.#end();
    this.#settle.reject(error);
  }

  #end(): void {
    this.isSettled = true;
    clearTimeout(this.#timer);
  }
}
