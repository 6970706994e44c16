/**
 * The client as applications see it: Faye's API, and what it lacked. What happens on the wire is the session's.
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
import { Subscription } from './subscription.cjs';
/** A client: Faye's API, and what it lacked. Each platform has a `Client` that extends it. */
export declare class BaseClient extends Awaitable<ClientEvents> {
    #private;
    /** For the entries of the platforms; applications use their `Client`. */
    constructor(endpoint: string | URL, given: ClientOptions | null | undefined, environment: Environment);
    /** Frameworks that wrap plain objects leave one alone that says what it is; wrapped it could not work. */
    get [Symbol.toStringTag](): string;
    /**
     * How the connection is: `unconnected` before the first use, `connecting`, `connected`, `interrupted` while the
     * client tries to reach the server again, and `disconnected` after `disconnect` or when the server wants no more
     * connections. Listen to the event `connection` to be told of changes.
     */
    get state(): ConnectionState;
    /** The connection type in use. */
    get transport(): string | undefined;
    /**
     * The identifier of the session, undefined without one. It lets its holder take the session over: do not show or
     * log it.
     */
    get clientId(): string | undefined;
    /** Shakes hands; `callback` is called once there is a session. */
    handshake(callback?: () => void, context?: unknown): void;
    /** Connects, also again after `disconnect`; `callback` is called once there is a session. */
    connect(callback?: () => void, context?: unknown): void;
    /** Ends the session. What was sent before is answered first; what is still open after that is rejected. */
    disconnect(): Publication;
    /**
     * Subscribes to a channel, or to a pattern: `/chat/*` is one level, `/chat/**` all below. Connects if that was not
     * done.
     *
     * @param callback is called with the data of each message.
     * @param context is `this` in the callback.
     * @returns a promise that resolves when the server accepted the subscription and rejects with a `FayeError` when it
     *   refused; it can be cancelled. After the loss of a session the client subscribes again by itself.
     */
    subscribe<Data = any>(channel: string, callback?: (data: Data) => void, context?: unknown): Subscription<Data>;
    /**
     * Subscribes to several channels or patterns.
     *
     * @param callback is called with the data of each message.
     * @param context is `this` in the callback.
     * @returns a subscription for each of them.
     */
    subscribe<Data = any>(channels: string[], callback?: (data: Data) => void, context?: unknown): Subscription<Data>[];
    /** Ends one subscription of a channel, or all. */
    unsubscribe(channel: string | string[], subscription?: Subscription): void;
    /**
     * Publishes a message. Connects if that was not done, and waits for the connection.
     *
     * @param data what JSON can hold. It is copied at the call, so later changes of an object do not count.
     * @param options limits for this message; without them it is sent until the server answers.
     * @returns a promise that resolves when the server accepted the message, and rejects with a `FayeError` when it
     *   refused, when the limits are reached, when the client is disconnected, or at once when `data` cannot be written
     *   as JSON.
     * @throws FayeError for an option that is not known.
     */
    publish(channel: string, data: unknown, options?: PublishOptions | null): Publication;
    /** Publishes a message with whatever fields it has. */
    publishMessage(message: Message): Publication;
    /** Looks at once whether the server is there. The client does so by itself when the network or the page comes back. */
    wake(): void;
    /** Messages that `act` sends leave together. */
    batch(act: () => void, context?: unknown): void;
    /** Switches off a connection type, the shared connection, or the disconnect when the page is left (`autodisconnect`). */
    disable(feature: Feature): void;
    /** Sends a header with every request that can carry one. */
    setHeader(name: string, value: string): void;
    /**
     * Adds an extension, which sees every message on its way out and in, behind those that were added before. It may
     * change, hold or drop the message, and sees it once, however often it is sent.
     */
    addExtension(extension: Extension): void;
    /** Removes an extension. Does nothing if it was not added. */
    removeExtension(extension: Extension): void;
    /** As Faye has it; compression is left to the platform's WebSocket. */
    addWebsocketExtension(_extension: unknown): void;
}
/** The constants of Faye's client. */
export interface BaseClient extends Readonly<typeof CONSTANTS> {
}
