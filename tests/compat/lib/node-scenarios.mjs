// Registers the shared scenarios for one version of the npm package, over each
// transport it has in Node.

import { describe } from 'node:test';

import { NODE_TRANSPORTS, openNodeClient } from './node-client.mjs';
import { manyFromAnotherClientArriveInOrder, registerScenarios } from './scenarios.mjs';
import { registerTest } from './workbench.mjs';

export function registerNodeScenarios(packageName) {
  for (const transport of NODE_TRANSPORTS) {
    describe(`${packageName} in Node over ${transport}`, () => {
      const openClient = (server) => openNodeClient(packageName, transport, server.url);
      registerScenarios(openClient);
      registerTest('1,000 messages of another client arrive in order, none lost, none twice', openClient,
        manyFromAnotherClientArriveInOrder);
    });
  }
}
