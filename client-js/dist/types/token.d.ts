/**
 * The token that says who the user is: sent as `ext.token` with every message to the server itself, because it may come
 * by a connection that the server does not know yet; never with publications, because servers may forward those to others.
 */
import type { FayeError } from './error.js';
import { type Feature } from './feature.js';
import type { Message } from './message.js';
export type TokenSource = string | (() => string | Promise<string>);
export declare class Token implements Feature {
    #private;
    constructor(source: TokenSource);
    prepare(): Promise<void> | undefined;
    outgoing(message: Message): void;
    incoming({ channel, successful }: Message): void;
    retries({ ext }: Message, { code }: FayeError): boolean;
}
