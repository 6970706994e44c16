// Subscriptions in quantity, and ended before the server has answered.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openFront, registerOurScenarios, sentOnWire,
} from '../lib/our-scenarios.mjs';
import { publishByPost } from '../lib/publish.mjs';

const CHANNELS = Array.from({ length: 200 }, (_, index) => `/quantity/${index}`);

function over(transport, act) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const front = await openFront(workbench, server);
    const client = await workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint, transport });
    await client.subscribe('/ready');
    await connectionEvent(client, (event) => event.state === 'connected' && event.transport === transport);
    await act(client, server);
    assertNoPageErrors(client);
    await client.disconnect();
    await server.stop();
  };
}

async function manyAtOnce(client, server) {
  const asked = sentOnWire(client, '/meta/subscribe');
  await Promise.all(CHANNELS.map((channel) => client.subscribe(channel)));
  assert.equal(sentOnWire(client, '/meta/subscribe') - asked, CHANNELS.length);
  for (const channel of CHANNELS) await publishByPost(server.url, channel, channel);
  await client.delivery(CHANNELS.at(-1), CHANNELS.at(-1));
  for (const channel of CHANNELS) assert.deepEqual(client.delivered(channel), [channel]);
}

/** All in one turn of the page, so that nothing is answered in between. */
async function endedAndMadeAgain(client, server) {
  await client.page.evaluate(async () => {
    const { client: faye } = window.perform;
    window.heard = { kept: [], cancelled: [] };
    let subscription;
    for (let count = 0; count < 20; count += 1) {
      subscription = faye.subscribe('/wavering', (data) => window.heard.kept.push(data));
      if (count < 19) subscription.cancel();
    }
    const cancelled = faye.subscribe('/cancelled', (data) => window.heard.cancelled.push(data));
    cancelled.cancel();
    window.outcome = await cancelled.then(() => 'accepted', (error) => error.message);
    await subscription;
  });
  const mark = client.log.mark();
  await publishByPost(server.url, '/wavering', 'wavering');
  await publishByPost(server.url, '/cancelled', 'cancelled');
  await publishByPost(server.url, '/ready', 'sentinel');
  await client.delivery('/ready', 'sentinel');
  assert.deepEqual(await client.page.evaluate(() => window.heard), { kept: ['wavering'], cancelled: [] });
  assert.match(await client.page.evaluate(() => window.outcome), /cancelled/);
  // Nor does the server send what nobody wants.
  assert.deepEqual(client.received(mark).map(({ channel }) => channel), ['/wavering', '/ready']);
}

async function endedAndMadeAgainLater(client, server) {
  for (let round = 1; round <= 5; round += 1) {
    await client.subscribe('/again');
    await publishByPost(server.url, '/again', round);
    await client.delivery('/again', round);
    await client.perform('unsubscribe', '/again');
  }
  await client.subscribe('/again');
  await publishByPost(server.url, '/again', 6);
  await client.delivery('/again', 6);
  assert.deepEqual(client.delivered('/again'), [1, 2, 3, 4, 5, 6]);
}

const tests = {};
for (const transport of ['websocket', 'eventsource', 'long-polling']) {
  tests[`200 at once over ${transport}`] = over(transport, manyAtOnce);
  tests[`ended and made again in one turn over ${transport}`] = over(transport, endedAndMadeAgain);
  tests[`ended and made again without waiting over ${transport}`] = over(transport, endedAndMadeAgainLater);
}
registerOurScenarios('subscriptions of our client', tests);
