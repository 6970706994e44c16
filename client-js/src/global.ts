/**
 * A stand-in until the client is here.
 */

import Faye from './browser.js';

(globalThis as { Faye?: unknown }).Faye = Faye;
