/**
 * The messages of the Bayeux protocol as types. It knows nothing of how they are sent.
 */
/** What a server advises (Bayeux specification, section 4.2). Times are in milliseconds. */
export interface Advice {
    reconnect?: 'retry' | 'handshake' | 'none';
    interval?: number;
    timeout?: number;
    [field: string]: unknown;
}
/** A message of either direction. Fields that the protocol does not name are kept. */
export interface Message {
    channel: string;
    id?: string;
    clientId?: string;
    data?: unknown;
    ext?: Record<string, unknown>;
    advice?: Advice;
    successful?: boolean;
    error?: string;
    subscription?: string | string[];
    version?: string;
    supportedConnectionTypes?: string[];
    connectionType?: string;
    [field: string]: unknown;
}
/** Whether what came from outside has the shape of a message. */
export declare function isMessage(value: unknown): value is Message;
/**
 * Returns what JSON makes of a message, which does not change with the application's objects; without it, `fail` is
 * told why.
 */
export declare function copyOf(message: Message, fail: (reason: string) => void): Message | undefined;
/** The messages in a text, or nothing if it is not JSON or holds none. */
export declare function parseMessages(text: unknown): Message[] | undefined;
