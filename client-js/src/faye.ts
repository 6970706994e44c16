/**
 * The object that Faye's users know as `Faye`. `Faye.logger` may be assigned.
 */

import { FayeError } from './error.js';
import { type Logger, logging } from './logger.js';
import { Scheduler } from './scheduler.js';
import { VERSION } from './version.js';

export interface Faye<Client> {
  readonly VERSION: string;
  readonly Client: Client;
  readonly Scheduler: typeof Scheduler;
  readonly Error: typeof FayeError;
  logger: Logger | undefined;
}

export function makeFaye<Client>(client: Client): Faye<Client> {
  return {
    VERSION,
    Client: client,
    Scheduler,
    Error: FayeError,
    get logger() {
      return logging.logger;
    },
    set logger(logger: Logger | undefined) {
      logging.logger = logger;
    },
  };
}
