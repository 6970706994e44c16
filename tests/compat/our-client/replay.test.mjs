// Our client with `replay: true`: a new session continues after the last message of the one before.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { installClient } from '../lib/installed-client.mjs';
import { NODE_TRANSPORTS, openNodeClient } from '../lib/node-client.mjs';
import { publishByPost } from '../lib/publish.mjs';
import { registerTest } from '../lib/workbench.mjs';

const installed = installClient({ how: 'import', withWs: true });
after(installed.remove);

const SETTINGS = '[[channel]]\nmatch = "/h/**"\nhistory = { messages = 100, age = "1h" }\n';
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Ends the session of a client on the server, as an expiry does. */
async function endSession(server, client) {
  const { message } = client.log.since(0, ({ kind, message }) => kind === 'outgoing' && message.channel === '/meta/connect').at(-1);
  const body = JSON.stringify({ channel: '/meta/disconnect', clientId: message.clientId });
  const response = await fetch(server.url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  assert.equal((await response.json())[0].successful, true);
}

async function aNewSessionContinues(workbench) {
  const server = await workbench.startServer({}, SETTINGS);
  const client = await workbench.openClient(server);
  await client.subscribe('/h/*');
  for (const number of numbers(1, 10)) await publishByPost(server.url, `/h/${number % 3}`, number);
  await client.delivery('/h/*', 10);
  for (const round of [1, 2]) {
    await endSession(server, client);
    const last = 10 * (round + 1);
    for (const number of numbers(last - 9, last)) await publishByPost(server.url, `/h/${number % 3}`, number);
    // Each channel has its own order.
    for (const number of numbers(last - 2, last)) await client.delivery('/h/*', number);
  }
  assert.deepEqual(client.delivered('/h/*').toSorted((one, other) => one - other), numbers(1, 30), 'each once');
  const asked = client.log.since(0, ({ kind, message }) => kind === 'outgoing' && message.channel === '/meta/subscribe');
  assert.match(String(asked.at(-1).message.ext.replay['/h/*']), /^c/, 'it continues after a cursor');
  await client.disconnect();
  await server.stop();
}

for (const transport of NODE_TRANSPORTS) {
  describe(`our client with replay over ${transport}`, () => {
    const openClient = ({ url }) =>
      openNodeClient('our client', installed.module, transport, url, { options: { replay: true } });
    registerTest('a new session continues where the last one ended', openClient, aNewSessionContinues);
  });
}
