/**
 * The entry for Node.
 */
import { BaseClient } from './client.js';
import type { NodeOptions } from './options.js';
export * from './api.js';
export type { NodeOptions as ClientOptions } from './options.js';
/** A client for Node. It sends nothing before it is used. */
export declare class Client extends BaseClient {
    /**
     * Creates a client.
     *
     * @param endpoint an absolute URL, such as `http://localhost:8000/faye`; any other throws a `TypeError`.
     * @throws FayeError for an unknown option, or a value that cannot work.
     */
    constructor(endpoint: string | URL, options?: NodeOptions | null);
}
declare const Faye: import("./faye.js").Faye<typeof Client>;
export default Faye;
