/**
 * The client's public API: that of Faye's client, and additions. The session implements the protocol.
 */
import { Awaitable } from './awaitable.cjs';
import type { ConnectionState } from './connection.cjs';
import { CONSTANTS } from './constants.cjs';
import type { Environment } from './environment.cjs';
import { type ClientEvents } from './events.cjs';
import { type Extension } from './extensible.cjs';
import type { Message } from './message.cjs';
import { type ClientOptions, type Feature } from './options.cjs';
import { Publication, type PublishOptions } from './publication.cjs';
import { type SubscribeOptions, Subscription } from './subscription.cjs';
/** The API of Faye's client, and additions. Each platform has a `Client` class that extends it. */
export declare class BaseClient extends Awaitable<ClientEvents> {
    #private;
    /** Used by the platforms' `Client` classes. */
    constructor(endpoint: string | URL, given: ClientOptions | null | undefined, environment: Environment);
    /** Prevents frameworks from wrapping the client as a plain object, which would break its private members. */
    get [Symbol.toStringTag](): string;
    /**
     * The state of the connection: `unconnected` before the first use, `connecting`, `connected`, `interrupted` while the
     * client retries, and `disconnected` after `disconnect` or when the server advises clients to stop. The event `connection`
     * reports changes.
     */
    get state(): ConnectionState;
    /** The connection type in use, such as `websocket`; undefined without one. */
    get transport(): string | undefined;
    /**
     * The identifier of the session; undefined without one. It gives access to the session: do not show or log it.
     */
    get clientId(): string | undefined;
    /** Starts a session and calls `callback` once it exists. */
    handshake(callback?: () => void, context?: unknown): void;
    /** Connects, also after `disconnect`, and calls `callback` once the client has a session. */
    connect(callback?: () => void, context?: unknown): void;
    /** Ends the session after the replies to earlier messages. Promises that are still pending then reject. */
    disconnect(): Publication;
    /**
     * Subscribes to a channel or a pattern: `/chat/*` matches one more segment, `/chat/**` one or more. Connects if needed.
     *
     * @param callback called with the data of each message.
     * @param context `this` of the callback.
     * @param options where the subscription begins, for the first listener of a channel.
     * @returns a promise that resolves when the server accepts the subscription and rejects with a `FayeError` when it refuses;
     *   it can be cancelled. After the loss of a session the client subscribes again automatically.
     * @throws FayeError if `callback` is not a function.
     */
    subscribe<Data = any>(channel: string, callback?: (data: Data) => void, context?: unknown, options?: SubscribeOptions | null): Subscription<Data>;
    /** Subscribes to several channels or patterns, with the same parameters. Returns one subscription for each channel. */
    subscribe<Data = any>(channels: string[], callback?: (data: Data) => void, context?: unknown, options?: SubscribeOptions | null): Subscription<Data>[];
    /** Ends one subscription to a channel, or all of them. */
    unsubscribe(channel: string | string[], subscription?: Subscription): void;
    /**
     * Publishes a message. Connects if needed, and waits for the connection.
     *
     * @param data any value that JSON can represent. The call copies it, so later changes have no effect.
     * @param options limits for this message; without them the client sends it until the server replies.
     * @returns a promise that resolves when the server accepts the message. It rejects with a `FayeError` when the server
     *   refuses it, when a limit is reached, when the client is disconnected, or immediately if JSON cannot represent `data`.
     * @throws FayeError for an unknown option, or a value that cannot work.
     */
    publish(channel: string, data: unknown, options?: PublishOptions | null): Publication;
    /** Publishes a message with all its fields. */
    publishMessage(message: Message): Publication;
    /** Checks the connection immediately. The client does so itself when the network or the page returns. */
    wake(): void;
    /** Sends the messages of `act` together. */
    batch(act: () => void, context?: unknown): void;
    /** Switches off a connection type, the shared connection, or the disconnect when the page is left (`autodisconnect`). */
    disable(feature: Feature): void;
    /** Sets a header for all requests. A browser cannot send it with WebSockets, EventSource and JSON-P. */
    setHeader(name: string, value: string): void;
    /**
     * Appends an extension, which sees each outgoing and incoming message and may change, delay or drop it. It sees an outgoing
     * message once, even if the client sends it several times.
     */
    addExtension(extension: Extension): void;
    /** Removes an extension. Does nothing if it was not added before. */
    removeExtension(extension: Extension): void;
    /** Does nothing, for compatibility with Faye; compression is left to the platform's WebSocket. */
    addWebsocketExtension(_extension: unknown): void;
}
/** The constants of Faye's client. */
export interface BaseClient extends Readonly<typeof CONSTANTS> {
}
