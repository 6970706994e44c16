/**
 * The global `Faye` of pages that load the script. Name it once, in a file or as `types` in tsconfig.json:
 *
 *     /// <reference types="faye-client/global" />
 */

import type * as module from '../src/browser.js';

declare global {
  const Faye: (typeof module)['default'];

  namespace Faye {
    export type Client = module.Client;
    export type ClientOptions = module.ClientOptions;
    export type ConnectionEvent = module.ConnectionEvent;
    export type Error = module.FayeError;
    export type Publication = module.Publication;
    export type Scheduler = module.Scheduler;
    export type Subscription = module.Subscription;
  }
}
