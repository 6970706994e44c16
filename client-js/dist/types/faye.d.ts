/**
 * The object that Faye's users know as `Faye`. `Faye.logger` may be assigned.
 */
import { FayeError } from './error.js';
import { type Logger } from './logger.js';
import { Scheduler } from './scheduler.js';
/** The default export, and the global `Faye`. */
export interface Faye<Client> {
    /** The version of this package. */
    readonly VERSION: string;
    /** The class of clients. */
    readonly Client: Client;
    /** The base class of an application's scheduler. */
    readonly Scheduler: typeof Scheduler;
    /** The class of errors. */
    readonly Error: typeof FayeError;
    /**
     * The logger: a function that takes a line, such as `console.log`, or an object with a method for each level. Without a
     * logger the client only warns on the console about unknown names.
     */
    logger: Logger | undefined;
}
/** Makes the object of an entry. */
export declare function makeFaye<Client>(client: Client): Faye<Client>;
