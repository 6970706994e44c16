/**
 * Waiting for the connection of a client, as in Faye: `client.callback(...)`, `client.errback(...)`.
 */
import { type DeferredStatus } from './deferrable.cjs';
import { Emitter } from './emitter.cjs';
/**
 * An object with a connection to wait for, by Faye's `callback` and `errback`. It has no `then`, so an `async` function can
 * return a client.
 */
export declare class Awaitable<Events extends Record<string, unknown[]>> extends Emitter<Events> {
    #private;
    /** Starts a new wait: an earlier result does not apply to a new connection. */
    protected awaitConnection(): void;
    /** Calls `callback` once the client has a session; immediately if it has one. */
    callback(callback?: () => void, context?: unknown): void;
    /**
     * Calls `callback` with a `FayeError` when the client abandons the connection: the server refused it for good, no transport
     * can be used, or the client was disconnected.
     */
    errback(callback?: (error: any) => void, context?: unknown): void;
    /**
     * Calls the callbacks of `errback` with `reason`, unless the client has a session within that many seconds.
     */
    timeout(seconds: number, reason?: unknown): void;
    /** Settles the wait for the connection, as in Faye. Applications do not need it. */
    setDeferredStatus(status: DeferredStatus, value?: unknown): void;
}
