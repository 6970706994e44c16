/**
 * The entry for bundlers: browsers, workers, React Native.
 */
import { BaseClient } from './client.js';
import type { ClientOptions } from './options.js';
export * from './api.js';
export declare class Client extends BaseClient {
    constructor(endpoint?: string | URL, options?: ClientOptions | null);
}
declare const Faye: import("./faye.js").Faye<typeof Client>;
export default Faye;
