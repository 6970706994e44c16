// Drives our server with our browser bundle in a page that comes from another origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { OUR_BUNDLE } from '../lib/bundles.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

registerBrowserScenarios(OUR_BUNDLE, ['websocket', 'cross-origin-long-polling', 'callback-polling'], 'cross origin', OUR_SERVER);
