// Drives three nodes behind HAProxy with the official 1.4.3 browser bundle in a page that shares their origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { FAYES_BUNDLE } from '../lib/bundles.mjs';
import { registerWithNodes } from '../lib/cluster/client-scenarios.mjs';

registerWithNodes((nodes) =>
  registerBrowserScenarios(FAYES_BUNDLE, ['websocket', 'eventsource', 'long-polling'], 'same origin', nodes));
