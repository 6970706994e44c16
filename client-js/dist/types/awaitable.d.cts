/**
 * The client as a promise of its connection, which it is with Faye too: `client.callback(...)`, `client.then(...)`.
 */
import { type DeferredStatus } from './deferrable.cjs';
import { Emitter } from './emitter.cjs';
export declare class Awaitable<Events extends Record<string, unknown[]>> extends Emitter<Events> {
    #private;
    /** What was settled before says nothing about the connection that is asked for now. */
    protected awaitConnection(): void;
    callback(callback?: () => void, context?: unknown): void;
    errback(callback?: (error: any) => void, context?: unknown): void;
    timeout(seconds: number, reason?: unknown): void;
    setDeferredStatus(status: DeferredStatus, value?: unknown): void;
}
