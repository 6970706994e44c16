/**
 * A promise that the client settles, with Faye's `callback` and `errback`.
 */
/** The states of Faye's Deferrable. */
export type DeferredStatus = 'succeeded' | 'failed' | 'unknown';
/** A promise with Faye's `callback` and `errback`. An unhandled rejection does not end a Node process. */
export declare class Deferrable extends Promise<void> {
    #private;
    /** Whether the promise is resolved or rejected. */
    isSettled: boolean;
    /** Creates a pending promise. */
    constructor();
    /** `then` returns an ordinary promise. */
    static get [Symbol.species](): PromiseConstructor;
    /** Calls `callback` when the promise resolves. */
    callback<Context = unknown>(callback: ((this: Context, value: any) => void) | undefined, context?: Context): void;
    /** Calls `callback` with the error when the promise rejects. */
    errback<Context = unknown>(callback: ((this: Context, error: any) => void) | undefined, context?: Context): void;
    /** Rejects the promise after that many seconds, with `reason` if given, unless it is settled earlier. */
    timeout(seconds: number, reason?: unknown): void;
    /** Settles the promise. Only the first call has an effect. */
    setDeferredStatus(status: DeferredStatus, value?: unknown): void;
    /** Resolves the promise. Used by the client. */
    succeed(value?: unknown): void;
    /** Rejects the promise. Used by the client. */
    spoil(error: unknown): void;
}
