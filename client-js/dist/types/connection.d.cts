/**
 * What an application is told of the connection.
 */
import type { FayeError } from './error.cjs';
/** What an application sees of the connection. */
export type ConnectionState = 'unconnected' | 'connecting' | 'connected' | 'interrupted' | 'disconnected';
/** A change of the connection, or another planned attempt. */
export interface ConnectionEvent {
    /** How the connection is now. */
    state: ConnectionState;
    /** In words, for people. */
    reason: string;
    /** The connection type in use. */
    transport?: string | undefined;
    /** Why the server does not answer, or refused. */
    error?: FayeError | undefined;
    /** Milliseconds until the next attempt. */
    retryIn?: number | undefined;
}
