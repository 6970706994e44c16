/**
 * The way of messages between the session and the wire: numbers them, and leads them through the application's
 * extensions and the client's own features. It decides nothing about the session.
 */
import type { Dispatcher } from './dispatcher.cjs';
import type { Settle } from './envelope.cjs';
import { type FayeError } from './error.cjs';
import type { Extensions } from './extensible.cjs';
import type { Feature } from './feature.cjs';
import type { Message } from './message.cjs';
/** How long and how often a message is tried; `timeout` in seconds, `deadline` in milliseconds since 1970. */
export interface Limits {
    attempts?: number | undefined;
    deadline?: number | undefined;
    timeout: number;
}
export declare class Pipeline {
    #private;
    constructor(extensions: Extensions, features: Feature[]);
    /** Sends a message. `settle` is called with its reply, or with what went wrong. Gives the id. */
    send(message: Message, limits: Limits, dispatcher: Dispatcher, settle: Settle): string;
    /** Leads a message from the server to `done`, which is given null when an extension dropped it. */
    receive(message: Message, done: (message: Message | null) => void): void;
    pass(stage: 'incoming' | 'outgoing', message: Message, done: (message: Message | null) => void): void;
    /** Whether a refused message may be sent once more, because something that it needs will be renewed. */
    mayRetry(message: Message, error: FayeError): boolean;
}
