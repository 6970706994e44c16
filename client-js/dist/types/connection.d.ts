/**
 * The state of the connection, and the event that reports its changes.
 */
import type { FayeError } from './error.js';
/** The state of a connection. */
export type ConnectionState = 'unconnected' | 'connecting' | 'connected' | 'interrupted' | 'disconnected';
/** A change of the connection, or the next planned attempt. */
export interface ConnectionEvent {
    /** The current state. */
    state: ConnectionState;
    /** The reason, as text for logs and users. */
    reason: string;
    /** The connection type in use. */
    transport?: string | undefined;
    /** The cause, if the server does not answer or refused. */
    error?: FayeError | undefined;
    /** Milliseconds until the next attempt. */
    retryIn?: number | undefined;
}
