/**
 * The constants that Faye's client has.
 */
export declare const CONSTANTS: {
    /** As in Faye; `state` of this client is a word. */
    readonly UNCONNECTED: 1;
    /** As in Faye; `state` of this client is a word. */
    readonly CONNECTING: 2;
    /** As in Faye; `state` of this client is a word. */
    readonly CONNECTED: 3;
    /** As in Faye; `state` of this client is a word. */
    readonly DISCONNECTED: 4;
    /** Advice to begin a new session. */
    readonly HANDSHAKE: 'handshake';
    /** Advice to connect again. */
    readonly RETRY: 'retry';
    /** Advice to stop. */
    readonly NONE: 'none';
    /** Seconds, the default of the option `timeout`. */
    readonly CONNECTION_TIMEOUT: 60;
    /** The endpoint of a client in a page that is given none. */
    readonly DEFAULT_ENDPOINT: '/bayeux';
    /** Seconds, the default of the option `interval`. */
    readonly INTERVAL: 0;
};
