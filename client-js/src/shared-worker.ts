/**
 * The entry of the shared worker, which holds one connection for all tabs of a browser.
 */

import { Client } from './browser.js';
import { host } from './shared/host.js';

host(Client);
