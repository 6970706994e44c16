// Our client keeps the order of publications over every transport; Faye's promises
// it only over a socket.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openElsewhere, openFront, registerOurScenarios,
} from '../lib/our-scenarios.mjs';

const NUMBERS = Array.from({ length: 1_000 }, (_, index) => index + 1);

function numbersStayInOrder(transport, isElsewhere) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const front = await openFront(workbench, server);
    const { origin } = isElsewhere ? await openElsewhere(workbench) : front;
    const open = (over) => workbench.openClient(server, { pageOrigin: origin, endpoint: front.endpoint, transport: over });
    const [publisher, subscriber] = [await open(transport), await open('websocket')];
    await subscriber.subscribe('/many');
    await publisher.subscribe('/many');
    await connectionEvent(publisher, (event) => event.state === 'connected' && event.transport === transport);
    const outcomes = await publisher.perform('publishAll', '/many', NUMBERS);
    assert.ok(outcomes.every(({ ok }) => ok));
    for (const client of [publisher, subscriber]) {
      await client.delivery('/many', NUMBERS.at(-1));
      assert.deepEqual(client.delivered('/many'), NUMBERS);
      assertNoPageErrors(client);
      await client.disconnect();
    }
    await server.stop();
  };
}

const tests = {};
for (const transport of ['websocket', 'eventsource', 'long-polling']) {
  tests[`1,000 at once over ${transport}`] = numbersStayInOrder(transport, false);
}
for (const transport of ['cross-origin-long-polling', 'callback-polling']) {
  tests[`1,000 at once over ${transport}`] = numbersStayInOrder(transport, true);
}
registerOurScenarios('the order of our client', tests);
