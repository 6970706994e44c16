/**
 * The token that says who the user is: sent as `ext.token` with every message to the server itself, because it may come
 * by a connection that the server does not know yet; never with publications, because servers may forward those to others.
 */
import { type FayeError } from './error.cjs';
import { type Feature } from './feature.cjs';
import type { Message } from './message.cjs';
/** A token, or a function that gives one or a promise of one. */
export type TokenSource = string | (() => string | Promise<string>);
/** The feature of the option `token`. */
export declare class Token implements Feature {
    #private;
    /** A token from its source. */
    constructor(source: TokenSource);
    /** Asks for a token if there is none that is valid. */
    prepare(): Promise<void> | undefined;
    /** Adds it to messages to the server itself. */
    outgoing(message: Message): void;
    /** Notes that it was accepted. */
    incoming({ channel, successful }: Message): void;
    /** Whether to ask for another token. */
    retries({ ext }: Message, { code }: FayeError): boolean;
}
