// Drives our server with our browser bundle in a page that shares the server's origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { OUR_BUNDLE } from '../lib/bundles.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

registerBrowserScenarios(OUR_BUNDLE, ['websocket', 'eventsource', 'long-polling'], 'same origin', OUR_SERVER);
