/**
 * What goes wrong, as errors that can be thrown. Bayeux writes an error as `code:parameters:text`.
 */
/** Why a publication, a subscription or a session failed. */
export declare class FayeError extends Error {
    readonly name = "FayeError";
    /** The server's code such as 403, or null when the failure has none or did not come from the server. */
    readonly code: number | null;
    /** The server's parameters, for example the channel that was refused. */
    readonly params: string[];
    /** An error with the parts that Bayeux gives it. */
    constructor(code: number | null, params: string[], message: string);
    /** As Bayeux writes it. */
    toString(): string;
}
/** Reads an error field. A text that is not of Bayeux's form becomes the message, as with Faye. */
export declare function parseError(text: unknown): FayeError;
/** A failure that no server told. */
export declare const failure: (message: string) => FayeError;
