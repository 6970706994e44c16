// Registers the shared scenarios for one version of the npm package, over each
// transport it has in Node.

import { describe } from 'node:test';

import { NODE_TRANSPORTS, openNodeClient } from './node-client.mjs';
import { registerScenarios } from './scenarios.mjs';

export function registerNodeScenarios(packageName) {
  for (const transport of NODE_TRANSPORTS) {
    describe(`${packageName} in Node over ${transport}`, () => {
      registerScenarios((server) => openNodeClient(packageName, transport, server.url));
    });
  }
}
