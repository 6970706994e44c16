// The browser loses its network and gets it back.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openFront, registerOurScenarios, sentOnWire,
} from '../lib/our-scenarios.mjs';
import { publishByPost } from '../lib/publish.mjs';
import { FAYES_SERVER, OUR_SERVER } from '../lib/server.mjs';

/**
 * Chromium leaves open connections alone when it goes offline; here they end too, as they do with a real network.
 * Between attempts the client waits for minutes, so that only `online` can make it try.
 */
function goesOnAfterOffline(transport, { hearsMeanwhile = true } = {}) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const front = await openFront(workbench, server);
    const client = await workbench.openClient(server, {
      pageOrigin: front.origin, endpoint: front.endpoint, transport, options: { retry: 300, maxRetry: 300 },
    });
    await client.subscribe('/lasting');
    await connectionEvent(client, (event) => event.state === 'connected' && event.transport === transport);
    await client.publish('/lasting', 'before');
    await client.delivery('/lasting', 'before');

    let mark = client.log.mark();
    await client.page.context().setOffline(true);
    front.isUp = false;
    front.cut();
    // The first attempt follows soon; after the second failure only `online` helps.
    await connectionEvent(client, ({ state, retryIn }) => state === 'interrupted' && retryIn > 60_000, mark);
    assert.equal(await client.perform('state'), 'interrupted');
    const published = client.perform('publishAll', '/lasting', [1, 2, 3]);
    await client.log.waitFor(({ kind, message }) => kind === 'outgoing' && message.data === 3, mark);
    if (hearsMeanwhile) await publishByPost(server.url, '/lasting', 'meanwhile');

    mark = client.log.mark();
    front.isUp = true;
    await client.page.context().setOffline(false);
    assert.deepEqual(await published, [{ ok: true }, { ok: true }, { ok: true }]);
    await client.delivery('/lasting', 3);
    await connectionEvent(client, ({ state }) => state === 'connected', mark);
    assert.deepEqual(client.delivered('/lasting').filter(Number), [1, 2, 3]);
    assert.deepEqual(client.delivered('/lasting').filter((data) => !Number(data)),
      hearsMeanwhile ? ['before', 'meanwhile'] : ['before']);
    // The session lives on: no second handshake, and nothing is subscribed to again.
    assert.equal(sentOnWire(client, '/meta/handshake'), 1);
    assert.equal(sentOnWire(client, '/meta/subscribe'), 1);
    assertNoPageErrors(client);
    await client.disconnect();
    await server.stop();
  };
}

registerOurScenarios('our client offline', {
  'over websocket it goes on at once when the network is back': goesOnAfterOffline('websocket'),
  'over eventsource it goes on at once when the network is back': goesOnAfterOffline('eventsource'),
  'over long-polling it goes on at once when the network is back': {
    onlyWith: OUR_SERVER, body: goesOnAfterOffline('long-polling'),
  },
  // It writes what is published meanwhile into the response of the connect that broke.
  "over long-polling it goes on at once, but for what Faye's server loses": {
    onlyWith: FAYES_SERVER, body: goesOnAfterOffline('long-polling', { hearsMeanwhile: false }),
  },
});
