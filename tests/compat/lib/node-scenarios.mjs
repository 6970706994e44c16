// Registers the shared scenarios for one client in Node, over each transport it
// has there.

import { describe } from 'node:test';

import { NODE_TRANSPORTS, openNodeClient } from './node-client.mjs';
import { manyFromAnotherClientArriveInOrder, registerScenarios } from './scenarios.mjs';
import { DEFAULT_SERVER } from './server.mjs';
import { registerTest } from './workbench.mjs';

/** @param module  a package, or a file whose default export is `Faye` */
export function registerNodeScenarios(name, module = name, serverKind = DEFAULT_SERVER) {
  for (const transport of NODE_TRANSPORTS) {
    describe(`${name} in Node over ${transport}, with ${serverKind}`, () => {
      const openClient = (server) => openNodeClient(name, module, transport, server.url);
      registerScenarios(openClient, serverKind);
      registerTest('1,000 messages of another client arrive in order, none lost, none twice', openClient,
        manyFromAnotherClientArriveInOrder, serverKind);
    });
  }
}
