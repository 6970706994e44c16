// Drives three nodes behind HAProxy with the official client 0.8.11 in Node, over every transport.

import { registerWithNodes } from '../lib/cluster/client-scenarios.mjs';
import { registerNodeScenarios } from '../lib/node-scenarios.mjs';

registerWithNodes((nodes) => registerNodeScenarios('faye-0.8.11', 'faye-0.8.11', nodes));
