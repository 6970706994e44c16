/**
 * What `publish` and `disconnect` give: a promise that settles when the server answered or the client gave up.
 */
import { Deferrable } from './deferrable.js';
/** Limits for one publication. */
export interface PublishOptions {
    /** How often the message is sent at most. */
    attempts?: number;
    /** Seconds after which it is given up. */
    deadline?: number;
}
/**
 * The promise of one publication, or of the disconnect: resolves when the server accepted it, rejects with a
 * `FayeError` otherwise.
 */
export declare class Publication extends Deferrable {
}
