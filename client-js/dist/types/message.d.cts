/**
 * The messages of the Bayeux protocol as types. This module does not know the transports.
 */
/** The advice of a server (Bayeux specification, section 4.2). Times are in milliseconds. */
export interface Advice {
    /** What the client does next: connect again, start a new session, or stop. */
    reconnect?: 'retry' | 'handshake' | 'none';
    /** The delay before the next connect. */
    interval?: number;
    /** The time for which the server holds a connect. */
    timeout?: number;
    [field: string]: unknown;
}
/** A message to or from the server. Fields that the protocol does not define are kept. */
export interface Message {
    /** The channel that it is published to, or the `/meta/` channel of a request or reply. */
    channel: string;
    /** The identifier that the sender chose; a reply has that of its request. */
    id?: string;
    /** The identifier of the session. */
    clientId?: string;
    /** The published data. */
    data?: unknown;
    /** Fields of extensions, such as credentials. */
    ext?: Record<string, unknown>;
    /** The advice of the server. */
    advice?: Advice;
    /** In a reply: whether the server accepted the request. */
    successful?: boolean;
    /** In a reply: the error, as `code:parameters:text`. */
    error?: string;
    /** The channels or patterns of a subscription. */
    subscription?: string | string[];
    /** The version of the protocol. */
    version?: string;
    /** In a handshake: the connection types of the sender. */
    supportedConnectionTypes?: string[];
    /** In a connect: its connection type. */
    connectionType?: string;
    [field: string]: unknown;
}
/** Returns whether a value from outside has the shape of a message. */
export declare function isMessage(value: unknown): value is Message;
/**
 * Returns a copy of a message by way of JSON, so that later changes of the application's objects do not count. Calls `fail`
 * with the reason and returns nothing if that is impossible.
 */
export declare function copyOf(message: Message, fail: (reason: string) => void): Message | undefined;
/** Returns the messages in a text, or nothing if it is not JSON or has none. */
export declare function parseMessages(text: unknown): Message[] | undefined;
