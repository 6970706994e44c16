/**
 * What an application is told of the connection.
 */
import type { FayeError } from './error.cjs';
/** What an application sees of the connection. */
export type ConnectionState = 'unconnected' | 'connecting' | 'connected' | 'interrupted' | 'disconnected';
export interface ConnectionEvent {
    state: ConnectionState;
    /** In words, for people. */
    reason: string;
    /** The connection type in use. */
    transport?: string | undefined;
    error?: FayeError | undefined;
    /** Milliseconds until the next attempt. */
    retryIn?: number | undefined;
}
