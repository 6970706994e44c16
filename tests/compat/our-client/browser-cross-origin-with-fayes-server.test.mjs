// Drives npm Faye's server with our browser bundle in a page that comes from another origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { OUR_BUNDLE } from '../lib/bundles.mjs';
import { FAYES_SERVER } from '../lib/server.mjs';

registerBrowserScenarios(OUR_BUNDLE, ['websocket', 'cross-origin-long-polling', 'callback-polling'], 'cross origin', FAYES_SERVER);
