/**
 * Where the client says what it does, as `Faye.logger`. Without one it says nothing and formats nothing.
 */

import { attempt } from './clock.js';

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A function that takes each line, or an object with a method for each level. */
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

/** Warns of a name that is none of the known ones, a text of words, on the console unless there is a logger. Faye accepts any name. */
export function checkName(what: string, name: string, known: string): void {
  if (!known.split(' ').includes(name)) write(logging.logger ?? console, 'warn', `Unknown ${what} ?, not ?`, [name, known]);
}
