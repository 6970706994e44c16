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
    added?(client: unknown): void;
    removed?(client: unknown): void;
    incoming?(message: any, requestOrCallback: any, callback: Pass): void;
    outgoing?(message: any, requestOrCallback: any, callback: Pass): void;
}
export declare class Extensions {
    #private;
    add(extension: Extension, client: unknown): void;
    remove(extension: Extension, client: unknown): void;
    /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
    pipe(stage: 'incoming' | 'outgoing', message: Message, done: Pass): void;
}
export {};
