/**
 * The constants that Faye's client has.
 */

export const CONSTANTS = {
  UNCONNECTED: 1,
  CONNECTING: 2,
  CONNECTED: 3,
  DISCONNECTED: 4,
  HANDSHAKE: 'handshake',
  RETRY: 'retry',
  NONE: 'none',
  CONNECTION_TIMEOUT: 60,
  DEFAULT_ENDPOINT: '/bayeux',
  INTERVAL: 0,
} as const;
