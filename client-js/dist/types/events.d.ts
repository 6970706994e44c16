/**
 * The events of a client, and the arguments of their listeners.
 */
import type { ConnectionEvent } from './connection.js';
import type { FayeError } from './error.js';
/** The argument of events about one channel or pattern. */
export interface ChannelEvent {
    /** The channel or pattern. */
    channel: string;
    /** The cause. */
    error: FayeError;
}
/** The events of a client, with the arguments of their listeners. */
export type ClientEvents = {
    /** The server answers again. */
    'transport:up': [];
    /** The server does not answer. The client retries automatically. */
    'transport:down': [];
    /** The connection changed, or the client planned its next attempt. */
    connection: [ConnectionEvent];
    /** The server refused an earlier subscription in a new session, or ended it. */
    'subscription:refused': [ChannelEvent];
    /** Messages are lost, because the server no longer has them. */
    'replay:gap': [ChannelEvent];
};
/** Their names. */
export declare const EVENTS = "connection transport:up transport:down subscription:refused replay:gap";
