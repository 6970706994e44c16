/**
 * The constants that Faye's client has.
 */

export const CONSTANTS = {
  /** As in Faye; `state` of this client is a word. */
  UNCONNECTED: 1,
  /** As in Faye; `state` of this client is a word. */
  CONNECTING: 2,
/** As in Faye; `state` of this client is a word. */
  CONNECTED: 3,
  /** As in Faye; `state` of this client is a word. */
  DISCONNECTED: 4,
  /** Advice to begin a new session. */
  HANDSHAKE: 'handshake',
  /** Advice to connect again. */
  RETRY: 'retry',
  /** Advice to stop. */
  NONE: 'none',
  /** Seconds, the default of the option `timeout`. */
  CONNECTION_TIMEOUT: 60,
  /** The endpoint of a client in a page that is given none. */
  DEFAULT_ENDPOINT: '/bayeux',
  /** Seconds, the default of the option `interval`. */
  INTERVAL: 0,
} as const;
