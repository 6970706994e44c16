// Drives three nodes behind HAProxy with the official 1.4.3 browser bundle in a page that comes from another origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { FAYES_BUNDLE } from '../lib/bundles.mjs';
import { registerWithNodes } from '../lib/cluster/client-scenarios.mjs';

registerWithNodes((nodes) =>
  registerBrowserScenarios(FAYES_BUNDLE, ['cross-origin-long-polling', 'callback-polling'], 'cross origin', nodes));
