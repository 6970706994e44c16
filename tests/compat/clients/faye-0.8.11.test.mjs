// Drives the server with the official client 0.8.11 in Node, over every transport.

import { registerNodeScenarios } from '../lib/node-scenarios.mjs';

registerNodeScenarios('faye-0.8.11');
