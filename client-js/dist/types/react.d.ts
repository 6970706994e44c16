/**
 * React hooks for a client: `faye-client/react`. They use only its public methods, and do nothing during server-side
 * rendering.
 */
import { Client, type ClientOptions, type ConnectionEvent, type FayeError } from 'faye-client';
/** The result of `useConnection`: the parts of the last `connection` event. */
export interface Connection {
    /** The state of the connection. */
    readonly state: ConnectionEvent['state'];
    /** The reason for the state; undefined before the first change. */
    readonly reason: string | undefined;
    /** The connection type in use, such as `websocket`. */
    readonly transport: string | undefined;
}
/**
 * Returns a client for this component and its children. A new endpoint creates a new client; unmounting disconnects it.
 * `options` are read when the client is created.
 */
export declare function useClient(endpoint: string | URL, options?: ClientOptions): Client;
/**
 * Subscribes to a channel while the component is mounted; null or undefined means no channel. `listener` may change with each
 * render: the latest is called, without a new subscription. Returns the error of a refused subscription, or null.
 */
export declare function useSubscription<T = unknown>(client: Client, channel: string | null | undefined, listener: (data: T, channel: string) => void): FayeError | null;
/** Returns the state of the connection, and renders the component again when it changes. */
export declare function useConnection(client: Client): Connection;
