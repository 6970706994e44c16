/**
 * The entry for bundlers: browsers, workers, React Native.
 */
import { BaseClient } from './client.cjs';
import type { ClientOptions } from './options.cjs';
export * from './api.cjs';
export declare class Client extends BaseClient {
    constructor(endpoint?: string | URL, options?: ClientOptions | null);
}
declare const Faye: import("./faye.cjs").Faye<typeof Client>;
export default Faye;
export declare let logger: (typeof import('./browser.cjs'))['default']['logger'];
