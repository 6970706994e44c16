// Drives the server with the official 1.4.3 browser bundle in a page that shares
// the server's origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { FAYES_BUNDLE } from '../lib/bundles.mjs';

registerBrowserScenarios(FAYES_BUNDLE, ['websocket', 'eventsource', 'long-polling'], 'same origin');
