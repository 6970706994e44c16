// Drives the server with the official client 1.2.5 in Node, over every transport.

import { registerNodeScenarios } from '../lib/node-scenarios.mjs';

registerNodeScenarios('faye-1.2.5');
