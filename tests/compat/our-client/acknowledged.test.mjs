// Our client with `ack: true`: what a connection loses is sent again, and an event stream and connects share the work.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { installClient } from '../lib/installed-client.mjs';
import { lostRepliesComeAgain } from '../lib/lost-reply.mjs';
import { NODE_TRANSPORTS, openNodeClient } from '../lib/node-client.mjs';
import { connectionEvent, openFront, registerOurScenarios } from '../lib/our-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const installed = installClient({ how: 'import', withWs: true });
after(installed.remove);

for (const transport of NODE_TRANSPORTS) {
  describe(`our client with acknowledged delivery over ${transport}`, () => {
    const openClient = ({ url }) =>
      openNodeClient('our client', installed.module, transport, url, { options: { ack: true } });
    registerTest('lost replies come again', openClient, lostRepliesComeAgain);
  });
}

async function connectsBringTheMessages(workbench) {
  const server = await workbench.startServer();
  const { origin, endpoint } = await openFront(workbench, server);
  const options = { ack: true };
  const client = await workbench.openClient(server, { pageOrigin: origin, endpoint, transport: 'eventsource', options });
  await client.subscribe('/a');
  await connectionEvent(client, (event) => event.state === 'connected' && event.transport === 'eventsource');
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  for (const number of numbers) await client.perform('publishAll', '/a', [number]);
  await client.delivery('/a', numbers.at(-1));
  assert.deepEqual(client.delivered('/a'), numbers);
  const acknowledged = client.log.since(0, ({ kind, message }) => kind === 'outgoing' && message.ext?.ack > 1);
  assert.ok(acknowledged.length > 0, 'no connect acknowledges a reply');
  await client.disconnect();
  await server.stop();
}

registerOurScenarios('our client with acknowledged delivery', {
  'an event stream leaves the messages to the connects': { body: connectsBringTheMessages, onlyWith: OUR_SERVER },
});
