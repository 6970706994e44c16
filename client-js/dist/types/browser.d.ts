/**
 * The entry for bundlers: browsers, workers, React Native.
 */
import { BaseClient } from './client.js';
import type { BrowserOptions } from './options.js';
export * from './api.js';
export type { BrowserOptions as ClientOptions } from './options.js';
/** A client for browsers, workers and React Native. It sends nothing before it is used. */
export declare class Client extends BaseClient {
    /**
     * Creates a client.
     *
     * @param endpoint the URL of the server, relative to the page; an absolute URL in React Native.
     * @throws FayeError for an unknown option, or a value that cannot work.
     */
    constructor(endpoint?: string | URL, options?: BrowserOptions | null);
}
declare const Faye: import("./faye.js").Faye<typeof Client>;
export default Faye;
