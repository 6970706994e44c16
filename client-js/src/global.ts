/**
 * The entry of the script tag: defines the global `Faye`.
 */

import Faye from './browser.js';

(globalThis as Record<string, unknown>)['Faye'] = Faye;
