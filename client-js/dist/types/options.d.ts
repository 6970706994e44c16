/**
 * The options of a client: which there are, what they default to, and what is said of a mistake.
 */
import type { ReplaySource } from './replay.js';
import { type SchedulerClass } from './scheduler.js';
import type { TokenSource } from './token.js';
/** The options of a client. One that is not known throws. */
export interface ClientOptions {
    /** Seconds to wait for a reply until the server has said how long it holds connects. Default 60. */
    timeout?: number;
    /** Seconds between two connects until the server has said otherwise. Default 0. */
    interval?: number;
    /** Seconds that the growing delay between attempts begins with. Default 5. */
    retry?: number;
    /** Seconds that the growing delay between attempts does not exceed. Default 60. */
    maxRetry?: number;
    /** Other endpoints for some connection types. */
    endpoints?: Record<string, string | URL>;
    /** A class that decides when a message is sent again and given up. Default `Faye.Scheduler`. */
    scheduler?: SchedulerClass;
    /** Sent as `ext.token` with handshakes and subscriptions; a function is asked again when its token has expired. */
    token?: TokenSource;
    /** Has the server send again what did not arrive, where it knows `ext.ack`. */
    ack?: boolean;
    /** Has the server send what was missed, where it knows `ext.replay`. */
    replay?: ReplaySource;
    /**
     * Browsers: one connection for all tabs, by a SharedWorker. A string is the address of the script to run in it;
     * otherwise it is `faye-shared-worker.js` under the endpoint. It has to be of the page's origin.
     */
    shared?: boolean | string;
    /** Node: an `http.Agent` or `https.Agent`, for example one that goes through a proxy. */
    agent?: unknown;
    /** Node: options for TLS such as `ca`, `cert` and `key`. */
    tls?: object;
    /** Node: short for `tls.ca`. */
    ca?: unknown;
    /** Accepted as Faye does; compression is left to the platform's WebSocket. */
    websocketExtensions?: unknown;
}
/** The options that concern the session, with their defaults. Times are in seconds. */
export interface SessionOptions {
    /** Until a reply is missed. */
    timeout: number;
    /** Between two connects. */
    interval: number;
    /** What the growing delay begins with. */
    retry: number;
    /** What it does not exceed. */
    maxRetry: number;
    /** When a message is sent again and given up. */
    scheduler: SchedulerClass;
}
/** What a client can do without: connection types, and the disconnect when the page is left. */
export declare const FEATURES = "websocket eventsource long-polling cross-origin-long-polling callback-polling shared autodisconnect";
/** Throws at the first option that is not known, as Faye does. */
export declare function checkOptions(options: object, known: object): void;
/** The options with their defaults; what is false, such as 0 or undefined, counts as not given, as with Faye. */
export declare function sessionOptions(options: ClientOptions): SessionOptions;
/** The endpoints of connection types as texts. */
export declare function endpointsOf({ endpoints }: ClientOptions): Record<string, string>;
