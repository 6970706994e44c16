/**
 * A promise that somebody else settles, with Faye's `callback` and `errback`.
 */

import { failure } from './error.js';

/** What `then` takes of an error; Faye's Deferrable takes any value. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';

export class Deferrable extends Promise<void> {
  #settle: { resolve: () => void; reject: (error: unknown) => void };
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it was resolved or rejected. */
  isSettled = false;

  constructor() {
    let settle!: { resolve: () => void; reject: (error: unknown) => void };
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

  callback<Context = unknown>(callback: (this: Context) => void, context?: Context): void {
    void this.then(() => callback.call(context as Context), () => {});
  }

  errback<Context = unknown>(callback: (this: Context, error: any) => void, context?: Context): void {
    void this.then(undefined, (error: unknown) => callback.call(context as Context, error));
  }

  /** Rejects after so many seconds unless it is settled before. */
  timeout(seconds: number, reason?: unknown): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.setDeferredStatus('failed', reason ?? failure(`It took longer than ${seconds} s`)),
      seconds * 1000,
    );
  }

  /** Settles it. Only the first call counts. */
  setDeferredStatus(status: DeferredStatus, reason?: unknown): void {
    if (this.isSettled || status === 'unknown') return;
    this.isSettled = true;
    clearTimeout(this.#timer);
    if (status === 'succeeded') this.#settle.resolve();
    else this.#settle.reject(reason);
  }
}
