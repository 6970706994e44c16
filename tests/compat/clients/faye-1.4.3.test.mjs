// Drives the server with the official client 1.4.3 in Node, over every transport.

import { registerNodeScenarios } from '../lib/node-scenarios.mjs';

registerNodeScenarios('faye');
