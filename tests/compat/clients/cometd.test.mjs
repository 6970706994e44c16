// Drives the server with CometD's official JavaScript client in Node, versions 9 and 7: what it
// shares with Faye's clients, and its batches.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { lostRepliesComeAgain } from '../lib/lost-reply.mjs';
import { COMETD_VERSIONS, openCometdClient } from '../lib/node-client.mjs';
import { registerScenarios } from '../lib/scenarios.mjs';
import { registerTest } from '../lib/workbench.mjs';

async function batchArrivesInOrder(workbench) {
  const values = ['first', 'second', 'third'];
  const server = await workbench.startServer();
  const [publisher, subscriber] = [await workbench.openClient(server), await workbench.openClient(server)];
  await publisher.connect();
  await subscriber.connectSubscribed('/batch');
  await publisher.perform('publishBatch', '/batch', values);
  await subscriber.delivery('/batch', values.at(-1));
  assert.deepEqual(subscriber.delivered('/batch'), values);
  await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  await server.stop();
}

for (const name of Object.keys(COMETD_VERSIONS)) {
  for (const transport of ['websocket', 'long-polling']) {
    describe(`${name} in Node over ${transport}`, () => {
      const openClient = (server) => openCometdClient(transport, server.url, { name });
      registerTest('a batch arrives in order', openClient, batchArrivesInOrder);
      registerScenarios(openClient);
    });
    describe(`${name} with its acknowledgement extension over ${transport}`, () => {
      const openClient = (server) => openCometdClient(transport, server.url, { name, withAck: true });
      registerTest('lost replies come again', openClient, lostRepliesComeAgain);
      registerTest('a batch arrives in order', openClient, batchArrivesInOrder);
      registerScenarios(openClient);
    });
  }
}
