/**
 * The entry for bundlers: browsers, workers, React Native.
 */
import { BaseClient } from './client.js';
import type { ClientOptions } from './options.js';
export * from './api.js';
/** A client for browsers, workers and React Native. It sends nothing before it is used. */
export declare class Client extends BaseClient {
    /**
     * Makes a client.
     *
     * @param endpoint the address of the server, relative to the page; React Native needs a whole one.
     * @throws FayeError for an option that is not known.
     */
    constructor(endpoint?: string | URL, options?: ClientOptions | null);
}
declare const Faye: import("./faye.js").Faye<typeof Client>;
export default Faye;
