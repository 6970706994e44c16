/**
 * The logger, `Faye.logger`. Without a logger the client formats nothing.
 */
export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
/** A function that takes each line, or an object with methods for levels. */
export type Logger = ((line: string) => void) | Partial<Record<Level, (line: string) => void>>;
/** The logger of all clients. */
export declare const logging: {
    /** `Faye.logger`. */
    logger: Logger | undefined;
};
/** Logs a line in which each `?` stands for a value. */
export declare function log(level: Level, line: string, ...values: (string | undefined)[]): void;
/** Warns about a name that is not in `known`, a list separated by spaces. Faye accepts any name, so this is no error. */
export declare function checkName(what: string, name: string, known: string): void;
