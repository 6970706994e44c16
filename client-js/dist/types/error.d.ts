/**
 * Errors of the client and of the server. The text form in Bayeux is `code:parameters:text`.
 */
/** The cause of a failed publication, subscription or session. */
export declare class FayeError extends Error {
    readonly name = "FayeError";
    /** The code of the server, such as 403; null if the error has none or is not from the server. */
    readonly code: number | null;
    /** The parameters of the error, such as the refused channel. */
    readonly params: string[];
    /** Creates an error from the parts of its text form. */
    constructor(code: number | null, params: string[], message: string);
    /** Returns the text form, `code:parameters:text`. */
    toString(): string;
}
/** Parses an error field. Text of another form becomes the message, as in Faye. */
export declare function parseError(text: unknown): FayeError;
/** Returns an error of the client itself. */
export declare const failure: (message: string) => FayeError;
