/**
 * The object that Faye's users know as `Faye`. `Faye.logger` may be assigned.
 */
import { FayeError } from './error.js';
import { type Logger } from './logger.js';
import { Scheduler } from './scheduler.js';
export interface Faye<Client> {
    readonly VERSION: string;
    readonly Client: Client;
    readonly Scheduler: typeof Scheduler;
    readonly Error: typeof FayeError;
    logger: Logger | undefined;
}
export declare function makeFaye<Client>(client: Client): Faye<Client>;
