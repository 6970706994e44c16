/**
 * What `publish` and `disconnect` give: a promise that settles when the server answered or the client gave up.
 */
import { Deferrable } from './deferrable.js';
export interface PublishOptions {
    /** How often the message is sent at most. */
    attempts?: number;
    /** Seconds after which it is given up. */
    deadline?: number;
}
export declare class Publication extends Deferrable {
}
