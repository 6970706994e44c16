/**
 * A promise that somebody else settles, with Faye's `callback` and `errback`.
 */
/** What `then` takes of an error; Faye's Deferrable takes any value. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';
export declare class Deferrable extends Promise<void> {
    #private;
    /** Whether it was resolved or rejected. */
    isSettled: boolean;
    constructor();
    /** What `then` gives is an ordinary promise. */
    static get [Symbol.species](): PromiseConstructor;
    callback<Context = unknown>(callback: ((this: Context, value: any) => void) | undefined, context?: Context): void;
    errback<Context = unknown>(callback: ((this: Context, error: any) => void) | undefined, context?: Context): void;
    /** Rejects after so many seconds unless it is settled before. */
    timeout(seconds: number, reason?: unknown): void;
    /** Settles it. Only the first call counts. */
    setDeferredStatus(status: DeferredStatus, value?: unknown): void;
    succeed(value?: unknown): void;
    spoil(error: unknown): void;
}
