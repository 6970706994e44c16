/**
 * The result of `publish` and `disconnect`: a promise that settles with the server's reply or the client's last attempt.
 */
import { Deferrable } from './deferrable.cjs';
/** Limits for one publication. */
export interface PublishOptions {
    /** The maximum number of times that the message is sent. */
    attempts?: number;
    /** Seconds after which the client abandons it. */
    deadline?: number;
}
/**
 * The promise of a publication or of `disconnect`. Resolves when the server accepts the message, rejects with a `FayeError`
 * otherwise.
 */
export declare class Publication extends Deferrable {
}
