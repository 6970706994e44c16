/**
 * The constants that Faye's client has.
 */
export declare const CONSTANTS: {
    readonly UNCONNECTED: 1;
    readonly CONNECTING: 2;
    readonly CONNECTED: 3;
    readonly DISCONNECTED: 4;
    readonly HANDSHAKE: 'handshake';
    readonly RETRY: 'retry';
    readonly NONE: 'none';
    readonly CONNECTION_TIMEOUT: 60;
    readonly DEFAULT_ENDPOINT: '/bayeux';
    readonly INTERVAL: 0;
};
