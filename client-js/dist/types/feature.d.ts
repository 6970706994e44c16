/**
 * Parts of the client that add to messages on their way: after the application's extensions on the way out, before
 * them on the way in.
 */
import type { FayeError } from './error.js';
import type { Message } from './message.js';
export interface Feature {
    /** Before a handshake. It may have to ask somebody. */
    prepare?(): Promise<void> | undefined;
    outgoing?(message: Message): void;
    /** Returns false for a message that is to be dropped. */
    incoming?(message: Message): boolean | void;
    /** The server refused a handshake, a subscription or a publication. Returns whether it may be sent once more at once. */
    retries?(message: Message, error: FayeError): boolean;
    /** The application subscribes, and may say where. */
    start?(channel: string, position: number | undefined): void;
    /** The page may go away. */
    save?(): void;
}
export declare function addExt(message: Message, name: string, value: unknown): void;
