/**
 * The global `Faye` of pages that load the script. Name it once, in a file or as `types` in tsconfig.json:
 *
 *     /// <reference types="faye-client/global" />
 */
import type * as module from './browser.js';
declare global {
    const Faye: (typeof module)['default'];
    namespace Faye {
        type Client = module.Client;
        type ClientOptions = module.ClientOptions;
        type ConnectionEvent = module.ConnectionEvent;
        type Error = module.FayeError;
        type Publication = module.Publication;
        type Scheduler = module.Scheduler;
        type Subscription = module.Subscription;
    }
}
