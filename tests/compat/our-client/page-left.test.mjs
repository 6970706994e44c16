// A page that goes away ends its session; it does not when it was told not to.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openElsewhere, openFront, registerOurScenarios,
} from '../lib/our-scenarios.mjs';
import { EMPTY_PATH } from '../lib/page-files.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

/** Whether the server still has the session, asked without being counted as its connection. */
async function isAlive(server, clientId) {
  const [reply] = await sendMessages(server.url, [{ channel: '/meta/subscribe', clientId, subscription: '/asked' }]);
  return reply.successful;
}

async function open(workbench, transport, isElsewhere) {
  const server = await workbench.startServer({ FAYE_SERVER__TIMEOUT: '60s' });
  const front = await openFront(workbench, server);
  const elsewhere = await openElsewhere(workbench);
  const { origin } = isElsewhere ? elsewhere : front;
  const client = await workbench.openClient(server, { pageOrigin: origin, endpoint: front.endpoint, transport });
  await client.subscribe('/lasting');
  await connectionEvent(client, (event) => event.state === 'connected' && event.transport === transport);
  const { clientId } = await client.reply('/meta/handshake');
  assert.ok(await isAlive(server, clientId));
  return { server, client, clientId, away: `${elsewhere.origin}${EMPTY_PATH}` };
}

const LEAVE = {
  'navigates away': (client, away) => client.page.goto(away),
  'is closed': (client) => client.page.close({ runBeforeUnload: true }),
};

function endsTheSession(leave, transport, isElsewhere) {
  return async (workbench) => {
    const { server, client, clientId, away } = await open(workbench, transport, isElsewhere);
    await leave(client, away);
    while (await isAlive(server, clientId)) await new Promise((resolve) => { setTimeout(resolve, 20); });
    assertNoPageErrors(client);
    await server.stop();
  };
}

async function keepsTheSession(workbench) {
  const { server, client, clientId, away } = await open(workbench, 'long-polling', false);
  await client.page.evaluate(() => window.perform.client.disable('autodisconnect'));
  const asked = [];
  client.page.on('request', (request) => asked.push(request.postData() ?? ''));
  await client.page.goto(away);
  // A round trip later, and another page: what the old one had to say has been said.
  await client.page.goto(away);
  assert.deepEqual(asked.filter((text) => text.includes('disconnect')), []);
  assert.ok(await isAlive(server, clientId));
  await server.stop();
}

const tests = { 'without autodisconnect the session stays': keepsTheSession };
for (const [how, leave] of Object.entries(LEAVE)) {
  for (const transport of ['websocket', 'eventsource', 'long-polling']) {
    tests[`over ${transport} it ${how}`] = endsTheSession(leave, transport, false);
  }
  tests[`over cross-origin-long-polling it ${how}`] = endsTheSession(leave, 'cross-origin-long-polling', true);
  // Faye's server answers a held GET whose page has gone with an error, and ends itself when it then answers it again
  // (ERR_HTTP_HEADERS_SENT), be it for a disconnect or because its time is over.
  tests[`over callback-polling it ${how}`] = {
    onlyWith: OUR_SERVER, body: endsTheSession(leave, 'callback-polling', true),
  };
}
registerOurScenarios('a page that is left', tests);
