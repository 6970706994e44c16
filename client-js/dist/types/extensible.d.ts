/**
 * The application's extensions: each sees every message on its way out and in, and may change, hold or drop it.
 */
import type { Message } from './message.js';
type Pass = (message: Message | null) => void;
/** Faye's shape. With three parameters the second is what a server would give as the request; here it is null. */
export interface Extension {
    added?(client: unknown): void;
    removed?(client: unknown): void;
    incoming?: ((message: any, callback: Pass) => void) | ((message: any, request: null, callback: Pass) => void);
    outgoing?: ((message: any, callback: Pass) => void) | ((message: any, request: null, callback: Pass) => void);
}
export declare class Extensions {
    #private;
    add(extension: Extension, client: unknown): void;
    remove(extension: Extension, client: unknown): void;
    /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
    pipe(stage: 'incoming' | 'outgoing', message: Message, done: Pass): void;
}
export {};
