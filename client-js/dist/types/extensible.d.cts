/**
 * The application's extensions: each sees every message on its way out and in, and may change, hold or drop it.
 */
import type { Message } from './message.cjs';
type Pass = (message: Message | null) => void;
/**
 * Faye's shape: functions of `(message, callback)` or `(message, request, callback)`, where the request is null, because
 * only a server has one. The callback may be called later; null drops the message.
 */
export interface Extension {
    /** Called when the extension is added to a client. */
    added?(client: unknown): void;
    /** Called when the extension is removed from a client. */
    removed?(client: unknown): void;
    /**
     * Called with each message from the server, before the client processes it. Must call its last parameter with the message
     * for the client, or with null to drop it.
     */
    incoming?(message: any, requestOrCallback: any, callback: Pass): void;
    /**
     * Called once with each message to the server. Must call its last parameter with the message to send, or with null to drop
     * it; the promise of a dropped publication rejects.
     */
    outgoing?(message: any, requestOrCallback: any, callback: Pass): void;
}
/** The extensions of a client. */
export declare class Extensions {
    #private;
    /** Appends an extension. */
    add(extension: Extension, client: unknown): void;
    /** Removes one. */
    remove(extension: Extension, client: unknown): void;
    /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
    pipe(stage: 'incoming' | 'outgoing', message: Message, done: Pass): void;
}
export {};
