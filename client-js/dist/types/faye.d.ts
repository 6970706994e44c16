/**
 * The object that Faye's users know as `Faye`. `Faye.logger` may be assigned.
 */
import { FayeError } from './error.js';
import { type Logger } from './logger.js';
import { Scheduler } from './scheduler.js';
/** What the default export and the global `Faye` are. */
export interface Faye<Client> {
    /** The version of this package. */
    readonly VERSION: string;
    /** The class of clients. */
    readonly Client: Client;
    /** The class that an own scheduler extends. */
    readonly Scheduler: typeof Scheduler;
    /** The class of errors. */
    readonly Error: typeof FayeError;
    /**
     * Where the client says what it does: a function of a line such as `console.log`, or an object with a method for
     * each level. Without one it only warns on the console of names that do not exist.
     */
    logger: Logger | undefined;
}
/** Makes the object of an entry. */
export declare function makeFaye<Client>(client: Client): Faye<Client>;
