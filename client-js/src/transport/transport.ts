/**
 * What a transport is: it carries messages to one endpoint and brings back what the server says. It knows neither
 * sessions nor retries.
 */

import type { FayeError } from '../error.js';
import type { Message } from '../message.js';

/** What a transport tells those who use it. */
export interface Carried {
  /** It can carry messages now. Only of transports that have to be opened. */
  opened(): void;
  /** It can take more messages. */
  ready(): void;
  received(messages: Message[]): void;
  /** These were sent, and nobody knows whether they arrived. */
  failed(messages: Message[], error: FayeError): void;
  /** The server will not read a request with these, for the reason that an HTTP status names. */
  refused(messages: Message[], status: number): void;
  /** Whether the server is there, from a transport that hears of it from others. */
  relayed(isUp: boolean, error: FayeError | undefined, retryIn: number | undefined): void;
  /** It has ended, and all that it carried with it. */
  closed(error: FayeError): void;
}

/** An address of which only the text is used: React Native's `URL` has no setters, and adds a slash at the end. */
export interface Address {
  readonly href: string;
}

/** Returns the address to which a further segment is appended. */
export const below = ({ href }: Address): string => href.replace(/[?#].*/, '').replace(/\/$/, '');

/** What all transports of one client share. */
export interface Settings {
  headers: Record<string, string>;
  /** Node: an `http.Agent` for proxies and TLS. */
  agent?: unknown;
  /** Node: options for TLS. */
  tls?: object;
  /** Node: where cookies are kept. */
  cookies?: { header(url: URL): string | undefined; store(url: URL, lines: string[]): void };
}

export interface Place {
  endpoint: Address;
  settings: Settings;
  clientId: string | undefined;
  to: Carried;
}

export interface Transport {
  /** Takes as many of the waiting messages as it may send now, sends them, and gives those. */
  send(waiting: Message[]): Message[];
  /** Nobody waits for the reply to a message any more; its request may be ended if it carries no other. */
  cancel(message: Message): void;
  /** Asks whether the other side is there, where that can be asked; `closed` follows when it is not. */
  check?(): void;
  /** Sends one last message as the page goes away. Nobody hears the reply. */
  farewell?(message: Message): void;
  /** Ends it. Nothing more is told of it. */
  close(): void;
}

/** One way to reach a server, by its Bayeux connection type. */
export interface Kind {
  readonly type: string;
  /** It has to be opened before anybody knows whether it works. */
  readonly isSocket?: boolean;
  /** Something between us and the server may block it while others pass. */
  readonly isBlockable?: boolean;
  /** It needs a session. */
  readonly needsClient?: boolean;
  /** The session lives with it, and ends with it. */
  readonly ownsSession?: boolean;
  /** Whether this platform has it, and it may reach the endpoint. */
  isUsable(endpoint: Address, settings: Settings): boolean;
  open(place: Place): Transport;
}

/** The ways that a client has to its server. */
export interface Reach {
  /** Best first. */
  kinds: readonly Kind[];
  endpointFor(type: string): Address;
  settings: Settings;
}
