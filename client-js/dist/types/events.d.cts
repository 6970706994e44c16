/**
 * The events of a client: what there are, and what their listeners are called with.
 */
import type { ConnectionEvent } from './connection.cjs';
import type { FayeError } from './error.cjs';
/** What the events of one channel or pattern are called with. */
export interface ChannelEvent {
    /** The channel or pattern. */
    channel: string;
    /** Why. */
    error: FayeError;
}
/** The events of a client, with what their listeners are called with. */
export type ClientEvents = {
    /** The server answers. */
    'transport:up': [];
    /** The server does not answer; the client tries again by itself. */
    'transport:down': [];
    /** The connection changed, or another attempt was planned. */
    connection: [ConnectionEvent];
    /** A subscription that had been accepted was refused in a new session, or was taken away. */
    'subscription:refused': [ChannelEvent];
    /** Messages are lost: the server does not keep them so long. */
    'replay:gap': [ChannelEvent];
};
/** Their names. */
export declare const EVENTS = "connection transport:up transport:down subscription:refused replay:gap";
