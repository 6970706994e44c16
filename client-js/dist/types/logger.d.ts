/**
 * Where the client says what it does, as `Faye.logger`. Without one it says nothing and formats nothing.
 */
export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
/** A function that takes each line, or an object with a method for each level. */
export type Logger = ((line: string) => void) | Partial<Record<Level, (line: string) => void>>;
/** The logger of all clients. */
export declare const logging: {
    /** `Faye.logger`. */
    logger: Logger | undefined;
};
/** Logs a line in which each `?` stands for a value. */
export declare function log(level: Level, line: string, ...values: (string | undefined)[]): void;
/** Warns of a name that is none of the known ones, a text of words, on the console unless there is a logger. Faye accepts any name. */
export declare function checkName(what: string, name: string, known: string): void;
