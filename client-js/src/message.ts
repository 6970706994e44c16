/**
 * The messages of the Bayeux protocol as types. It knows nothing of how they are sent.
 */

/** What a server advises (Bayeux specification, section 4.2). Times are in milliseconds. */
export interface Advice {
  /** Whether to connect again, to begin a new session, or to stop. */
  reconnect?: 'retry' | 'handshake' | 'none';
  /** How long to wait before the next connect. */
  interval?: number;
  /** How long the server holds a connect. */
  timeout?: number;
  [field: string]: unknown;
}

/** A message of either direction. Fields that the protocol does not name are kept. */
export interface Message {
  /** Where it goes, or what it is a reply to. */
  channel: string;
  /** Chosen by the sender; a reply has that of its message. */
  id?: string;
  /** The session. */
  clientId?: string;
  /** What was published. */
  data?: unknown;
  /** What extensions add, such as credentials. */
  ext?: Record<string, unknown>;
  /** What the server advises to do next. */
  advice?: Advice;
  /** Of a reply: whether the message was accepted. */
  successful?: boolean;
  /** Of a reply: why not, as `code:parameters:text`. */
  error?: string;
  /** The channels or patterns of a subscription. */
  subscription?: string | string[];
  /** The version of the protocol. */
  version?: string;
  /** Of a handshake: the connection types that the sender has. */
  supportedConnectionTypes?: string[];
  /** Of a connect: how it was sent. */
  connectionType?: string;
  [field: string]: unknown;
}

/** Whether what came from outside has the shape of a message. */
export function isMessage(value: unknown): value is Message {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { channel } = value as Message;
  return channel === undefined || typeof channel === 'string';
}

/**
 * Returns what JSON makes of a message, which does not change with the application's objects; without it, `fail` is
 * told why.
 */
export function copyOf(message: Message, fail: (reason: string) => void): Message | undefined {
  try {
    return JSON.parse(JSON.stringify(message));
  } catch (error) {
    return void fail(`Not JSON: ${error}`);
  }
}

/** The messages in a text, or nothing if it is not JSON or holds none. */
export function parseMessages(text: unknown): Message[] | undefined {
  if (typeof text !== 'string') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return value.filter(isMessage);
  return isMessage(value) && 'channel' in value ? [value] : undefined;
}
