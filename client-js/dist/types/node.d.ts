/**
 * The entry for Node.
 */
import { BaseClient } from './client.js';
import type { ClientOptions } from './options.js';
export * from './api.js';
export declare class Client extends BaseClient {
    /** The endpoint has to be a whole address, such as `http://localhost:8000/faye`. */
    constructor(endpoint: string | URL, options?: ClientOptions | null);
}
declare const Faye: import("./faye.js").Faye<typeof Client>;
export default Faye;
