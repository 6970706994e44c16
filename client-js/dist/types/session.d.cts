/**
 * The session with the server: shakes hands, keeps a connect under way, follows advice, and begins anew when the
 * server has forgotten us. It does not know what the application subscribed to.
 */
import type { ConnectionEvent, ConnectionState } from './connection.cjs';
import { Dispatcher, type DispatcherListener } from './dispatcher.cjs';
import type { Settle } from './envelope.cjs';
import { type FayeError } from './error.cjs';
import type { Message } from './message.cjs';
import type { Limits, Pipeline } from './pipeline.cjs';
import type { SchedulerClass } from './scheduler.cjs';
import type { Kind, Settings } from './transport/transport.cjs';
export interface SessionOptions {
    timeout: number;
    interval: number;
    retry: number;
    maxRetry: number;
    scheduler: SchedulerClass;
}
export interface SessionListener {
    report(event: ConnectionEvent): void;
    up(): void;
    down(): void;
    /** We begin to look for the server. */
    starts(): void;
    /** A session has begun; the server knows none of our subscriptions. */
    began(): void;
    /** It has ended: by ourselves, or because the server wants us no more. */
    ended(error: FayeError): void;
    deliver(message: Message): void;
    /** The server said, without being asked, that subscriptions have ended. */
    refused(message: Message): void;
}
export declare class Session implements DispatcherListener {
    #private;
    readonly dispatcher: Dispatcher;
    phase: 'unconnected' | 'connecting' | 'connected' | 'disconnected';
    constructor(kinds: readonly Kind[], endpointFor: (type: string) => URL, settings: Settings, options: SessionOptions, pipeline: Pipeline, listener: SessionListener);
    get clientId(): string | undefined;
    get transport(): string | undefined;
    get state(): ConnectionState;
    report(reason: string, error?: FayeError, retryIn?: number): void;
    /** Runs at once in a session, else begins one and waits for it. */
    whenConnected(run: () => void, fail: (error: FayeError) => void, isLasting: boolean): void;
    /** Shakes hands unless that was done, is under way, or waits for its time. */
    start(): void;
    /** Begins again after the end. */
    restart(): void;
    /**
     * Sends a message through the extensions. `settle` is called with its reply, or with what went wrong. Gives the id.
     */
    transmit(message: Message, limits: Partial<Limits>, settle: Settle): string;
    /** Whether a refused message may be sent once more, because something that it needs was renewed. */
    mayRetry(message: Message, reply: Message): boolean;
    received(message: Message, settle: Settle | undefined): void;
    /** The server has forgotten the session: shakes hands again, after so many milliseconds. */
    lost(error: FayeError, delay?: number): void;
    switched(): void;
    up(): void;
    down(error: FayeError, retryIn: number, isFirst: boolean): void;
    /** The network may be there again, or the page is looked at again. */
    wake(): void;
    /** Asks the other side whether it is there. */
    doubt(): void;
    /** Whether it was ended and is not to begin again by itself. */
    get isOver(): boolean;
    /** Tells the server that we go. Gives what to call when nobody should wait longer. */
    disconnect(done: (error: FayeError | undefined) => void): void;
    /** As the page goes away: one message, and nobody waits. */
    leave(): void;
}
