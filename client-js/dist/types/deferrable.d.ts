/**
 * A promise that somebody else settles, with Faye's `callback` and `errback`.
 */
/** What `then` takes of an error; Faye's Deferrable takes any value. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';
/** A promise with Faye's `callback` and `errback`. A failure that is not asked for does not end a Node process. */
export declare class Deferrable extends Promise<void> {
    #private;
    /** Whether it was resolved or rejected. */
    isSettled: boolean;
    /** A promise that is open. */
    constructor();
    /** What `then` gives is an ordinary promise. */
    static get [Symbol.species](): PromiseConstructor;
    /** Calls `callback` when it resolves. */
    callback<Context = unknown>(callback: ((this: Context, value: any) => void) | undefined, context?: Context): void;
    /** Calls `callback` with the error when it rejects. */
    errback<Context = unknown>(callback: ((this: Context, error: any) => void) | undefined, context?: Context): void;
    /** Rejects after so many seconds unless it is settled before. */
    timeout(seconds: number, reason?: unknown): void;
    /** Settles it. Only the first call counts. */
    setDeferredStatus(status: DeferredStatus, value?: unknown): void;
    /** Resolves it. The client does so itself. */
    succeed(value?: unknown): void;
    /** Rejects it. The client does so itself. */
    spoil(error: unknown): void;
}
