/**
 * Where the client says what it does, as `Faye.logger`. Without one it says nothing and formats nothing.
 */

import { attempt } from './clock.js';

export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A function that takes each line, or an object with a method for each level. */
export type Logger = ((line: string) => void) | Partial<Record<Level, (line: string) => void>>;

export const logging: { logger: Logger | undefined } = { logger: undefined };

function text(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '[Object]';
  }
}

/** Logs a line in which each `?` stands for a value. */
export function log(level: Level, line: string, ...values: unknown[]): void {
  const { logger } = logging;
  if (!logger) return;
  const full = `[Faye.Client] ${line.replace(/\?/g, () => text(values.shift()))}`;
  attempt(() => {
    if (typeof logger === 'function') logger(full);
    else logger[level]?.(full);
  }, undefined);
}
