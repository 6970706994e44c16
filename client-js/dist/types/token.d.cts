/**
 * The token of the user, sent as `ext.token` with each `/meta/` message, because the message may use a connection that the
 * server does not know yet. Publications carry it only after the server has asked for it in one, because a server may
 * forward `ext` to other clients; faye-server asks, and removes it, where a request has no cookie.
 */
import { type FayeError } from './error.cjs';
import { type Feature } from './feature.cjs';
import type { Message } from './message.cjs';
/** A token, or a function that returns a token or a promise of one. */
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
    /** Whether to ask for another token, or to send it with publications too. */
    retries(message: Message, { code, message: reason }: FayeError): boolean;
}
