/**
 * The client as applications see it: Faye's API, and what it lacked. What happens on the wire is the session's.
 */
import { Awaitable } from './awaitable.js';
import type { ConnectionEvent, ConnectionState } from './connection.js';
import { CONSTANTS } from './constants.js';
import type { Environment } from './environment.js';
import { type FayeError } from './error.js';
import { type Extension } from './extensible.js';
import type { Message } from './message.js';
import { type ClientOptions } from './options.js';
import { Publication, type PublishOptions } from './publication.js';
import { Subscription } from './subscription.js';
export interface ChannelEvent {
    channel: string;
    error: FayeError;
}
export type ClientEvents = {
    'transport:up': [];
    'transport:down': [];
    /** The connection changed, or another attempt was planned. */
    connection: [ConnectionEvent];
    /** A subscription that had been accepted was refused in a new session, or was taken away. */
    'subscription:refused': [ChannelEvent];
    /** Messages are lost: the server does not keep them so long. */
    'replay:gap': [ChannelEvent];
};
export declare class BaseClient extends Awaitable<ClientEvents> {
    #private;
    constructor(endpoint: string | URL, given: ClientOptions | null | undefined, environment: Environment);
    /** Frameworks that wrap plain objects leave one alone that says what it is; wrapped it could not work. */
    get [Symbol.toStringTag](): string;
    get state(): ConnectionState;
    /** The connection type in use. */
    get transport(): string | undefined;
    get clientId(): string | undefined;
    /** Shakes hands; `callback` is called once there is a session. */
    handshake(callback?: () => void, context?: unknown): void;
    /** Connects, also again after `disconnect`; `callback` is called once there is a session. */
    connect(callback?: () => void, context?: unknown): void;
    /** Ends the session. What was sent before is answered first; what is still open after that is rejected. */
    disconnect(): Publication;
    subscribe<Data = any>(channel: string, callback?: (data: Data) => void, context?: unknown): Subscription<Data>;
    subscribe<Data = any>(channels: string[], callback?: (data: Data) => void, context?: unknown): Subscription<Data>[];
    /** Ends one subscription of a channel, or all. */
    unsubscribe(channel: string | string[], subscription?: Subscription): void;
    publish(channel: string, data: unknown, options?: PublishOptions | null): Publication;
    /** Publishes a message with whatever fields it has. */
    publishMessage(message: Message): Publication;
    /** Looks at once whether the server is there. The client does so by itself when the network or the page comes back. */
    wake(): void;
    /** Messages that `act` sends leave together. */
    batch(act: () => void, context?: unknown): void;
    /** Does without a connection type, or without the disconnect when the page is left (`autodisconnect`). */
    disable(feature: string): void;
    /** Sends a header with every request that can carry one. */
    setHeader(name: string, value: string): void;
    addExtension(extension: Extension): void;
    removeExtension(extension: Extension): void;
    /** As Faye has it; compression is left to the platform's WebSocket. */
    addWebsocketExtension(_extension: unknown): void;
}
export interface BaseClient extends Readonly<typeof CONSTANTS> {
}
