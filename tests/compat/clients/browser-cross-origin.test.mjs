// Drives the server with the official 1.4.3 browser bundle in a page that comes
// from another origin: the handshake goes by script, the rest must pass CORS.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { FAYES_BUNDLE } from '../lib/bundles.mjs';

registerBrowserScenarios(FAYES_BUNDLE, ['websocket', 'cross-origin-long-polling', 'callback-polling'], 'cross origin');
