/**
 * The entry of the script tag: defines the global `Faye`. Run as a SharedWorker it hosts one connection for all tabs.
 */

import Faye from './browser.js';
import { host } from './shared/host.js';

(globalThis as Record<string, unknown>)['Faye'] = Faye;
if ('onconnect' in globalThis) host(Faye.Client);
