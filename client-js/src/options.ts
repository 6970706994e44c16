/**
 * The options of a client: their names, types, defaults and errors.
 */

import { failure } from './error.js';
import { checkName } from './logger.js';
import type { ReplaySource } from './replay.js';
import { Scheduler, type SchedulerClass } from './scheduler.js';
import type { TokenSource } from './token.js';

/** A Bayeux connection type that the client implements. */
export type ConnectionType =
  | 'websocket'
  | 'eventsource'
  | 'long-polling'
  | 'cross-origin-long-polling'
  | 'callback-polling';

/** A part of the client that `disable` switches off. */
export type Feature = ConnectionType | 'shared' | 'autodisconnect';

/** The options of a client on every platform. An unknown name and a value that cannot work throw a `FayeError`. */
export interface CommonOptions {
  /** Seconds to wait for a reply, before the server has advised its own timeout. Default 60. */
  timeout?: number;
  /** Seconds between two connects, before the server has advised its own interval. Default 0. */
  interval?: number;
  /** Seconds of the first delay between two attempts; it grows with each failure. Default 5. */
  retry?: number;
  /** Seconds of the longest delay between two attempts. Default 60. */
  maxRetry?: number;
  /** Other endpoints for some connection types. */
  endpoints?: Partial<Record<ConnectionType, string | URL>>;
  /** A class that decides when a message is sent again and when it is abandoned. Default `Faye.Scheduler`. */
  scheduler?: SchedulerClass;
  /** A token, sent as `ext.token` with `/meta/` messages; a function is called again when its token has expired. */
  token?: TokenSource;
  /** Requests redelivery of messages that did not arrive, from servers that implement `ext.ack`. */
  ack?: boolean;
  /** Requests the messages that were missed, from servers that implement `ext.replay`. */
  replay?: ReplaySource;
  /** Accepted and ignored, as Faye's clients may pass it; compression is left to the platform's WebSocket. */
  websocketExtensions?: unknown;
}

/** The options of a client in a browser, a worker or React Native. */
export interface BrowserOptions extends CommonOptions {
  /**
   * One connection for all tabs, by a SharedWorker. A string is the URL of the worker's script, on the origin of the page;
   * `true` means `faye-shared-worker.js` under the endpoint.
   */
  shared?: boolean | string;
  /**
   * With `replay`: goes on after a reload of the page, by `sessionStorage`. A string tells clients
   * of a page with the same endpoint apart.
   */
  remember?: boolean | string;
}

/** The options of a client in Node. */
export interface NodeOptions extends CommonOptions {
  /** An `http.Agent` or `https.Agent`, for example one that uses a proxy. */
  agent?: unknown;
  /** TLS options such as `ca`, `cert` and `key`. */
  tls?: object;
  /** Short for `tls.ca`. */
  ca?: unknown;
}

/** The options of every platform together, for the parts that serve all of them. */
export interface ClientOptions extends BrowserOptions, NodeOptions {}

/** The options of the session, with their defaults. Times are in seconds. */
export interface SessionOptions {
  /** Until a reply is overdue. */
  timeout: number;
  /** Between two connects. */
  interval: number;
  /** The first delay between two attempts. */
  retry: number;
  /** The longest delay between two attempts. */
  maxRetry: number;
  /** Decides when a message is sent again and when it is abandoned. */
  scheduler: SchedulerClass;
}

const DEFAULTS: Record<keyof CommonOptions | keyof BrowserOptions | 'tls' | 'ca', unknown> = {
  timeout: 60, interval: 0, retry: 5, maxRetry: 60, scheduler: Scheduler, endpoints: '', token: '', ack: '', replay: '',
  remember: '', shared: '', tls: '', ca: '', websocketExtensions: '',
};

/** The names that `disable` accepts. */
export const FEATURES = 'websocket eventsource long-polling cross-origin-long-polling callback-polling shared autodisconnect';

/**
 * Throws at the first option that is not among `known`, as Faye does, and at the first value that cannot work: one that is
 * not a positive number where `known` has a number, or not a function where it has a function. A false value counts as
 * absent.
 */
export function checkOptions(options: object, known: object): void {
  for (const [name, value] of Object.entries(options)) {
    const wanted = typeof (known as Record<string, unknown>)[name];
    if (value && (wanted === 'number' ? !(value > 0) : wanted !== 'string' && typeof value !== wanted)) {
      throw failure(`${wanted === 'undefined' ? 'Unrecognized option' : `Not a ${wanted}`}: ${name}`);
    }
  }
}

/**
 * The options with their defaults. A false value such as 0 or undefined counts as absent, as with Faye.
 */
export function sessionOptions(options: ClientOptions): SessionOptions {
  checkOptions(options, DEFAULTS);
  const given = Object.entries(options).filter(([, value]) => value);
  return { ...DEFAULTS, ...Object.fromEntries(given) } as unknown as SessionOptions;
}

/** The endpoints of connection types as texts. */
export function endpointsOf({ endpoints }: ClientOptions): Record<string, string> {
  const entries = Object.entries(endpoints ?? {});
  for (const [type] of entries) checkName('feature', type, FEATURES);
  return Object.fromEntries(entries.map(([type, url]) => [type, String(url)]));
}
