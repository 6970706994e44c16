// Drives three nodes behind HAProxy with the official client 1.0.4 in Node, over every transport.

import { registerWithNodes } from '../lib/cluster/client-scenarios.mjs';
import { registerNodeScenarios } from '../lib/node-scenarios.mjs';

registerWithNodes((nodes) => registerNodeScenarios('faye-1.0.4', 'faye-1.0.4', nodes));
