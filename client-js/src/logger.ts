/**
 * The logger, `Faye.logger`. Without a logger the client formats nothing.
 */

import { attempt } from './clock.js';

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A function that takes each line, or an object with methods for levels. */
export type Logger = ((line: string) => void) | Partial<Record<Level, (line: string) => void>>;

/** The logger of all clients. */
export const logging: {
  /** `Faye.logger`. */
  logger: Logger | undefined;
} = { logger: undefined };

function write(logger: Logger, level: Level, line: string, values: (string | undefined)[]): void {
  const full = `[Faye.Client] ${line.replace(/\?/g, () => JSON.stringify(values.shift()))}`;
  attempt(() => {
    if (typeof logger === 'function') logger(full);
    else logger[level]?.(full);
  });
}

/** Logs a line in which each `?` stands for a value. */
export function log(level: Level, line: string, ...values: (string | undefined)[]): void {
  if (logging.logger) write(logging.logger, level, line, values);
}

/** Warns about a name that is not in `known`, a list separated by spaces. Faye accepts any name, so this is no error. */
export function checkName(what: string, name: string, known: string): void {
  if (!known.split(' ').includes(name)) write(logging.logger ?? console, 'warn', `Unknown ${what} ?, not ?`, [name, known]);
}
