/**
 * React hooks for a client: `faye-client/react`. They know the client only by its public methods, and do nothing on a
 * server that renders.
 */
import { Client, type ClientOptions, type ConnectionEvent, type FayeError } from 'faye-client';
/** What `useConnection` gives: the last `connection` event in short. */
export interface Connection {
    /** How the connection is. */
    readonly state: ConnectionEvent['state'];
    /** Why it is so; undefined before the first change. */
    readonly reason: string | undefined;
    /** The connection type in use, such as `websocket`. */
    readonly transport: string | undefined;
}
/**
 * A client for this component and those below it. It is made once, anew only for another endpoint, and disconnected
 * when the component goes. `options` count when it is made.
 */
export declare function useClient(endpoint: string | URL, options?: ClientOptions): Client;
/**
 * Listens to a channel as long as the component is there; null or undefined is no channel. The function may be another
 * one at each rendering: the newest is called, and nothing is subscribed anew. Gives the error when the server refused.
 */
export declare function useSubscription<T = unknown>(client: Client, channel: string | null | undefined, listener: (data: T, channel: string) => void): FayeError | null;
/** How the connection is; the component is rendered again when that changes. */
export declare function useConnection(client: Client): Connection;
