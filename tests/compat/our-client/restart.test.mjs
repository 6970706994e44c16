// The server ends and comes back while publications are under way.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, connectionEvents, openFront, registerOurScenarios, sent,
} from '../lib/our-scenarios.mjs';
import { publishByPost } from '../lib/publish.mjs';

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

function publicationsSettleWhenTheServer(ends, transport) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const front = await openFront(workbench, server);
    const open = () => workbench.openClient(server, {
      pageOrigin: front.origin, endpoint: front.endpoint, transport, options: { maxRetry: 0.4 },
    });
    const [client, other] = [await open(), await open()];
    for (const each of [client, other]) {
      await each.subscribe('/numbers');
      await connectionEvent(each, (event) => event.state === 'connected' && event.transport === transport);
    }

    const mark = client.log.mark();
    const inFlight = client.perform('publishAll', '/numbers', numbers(1, 200));
    await other.log.waitFor(({ kind }) => kind === 'delivery');
    await server[ends]();
    await connectionEvent(client, ({ retryIn }) => retryIn !== null, mark);
    const pending = client.perform('publishAll', '/numbers', numbers(201, 210));
    // Several attempts in vain, each later than the one before.
    for (let attempts = 0; attempts < 4; attempts += 1) {
      await connectionEvent(client, ({ retryIn }) => retryIn !== null, client.log.mark());
    }
    const delays = connectionEvents(client, mark).map(({ retryIn }) => retryIn).filter((delay) => delay !== null);
    assert.ok(delays[0] <= 100, `the first attempt follows soon: ${delays}`);
    assert.ok(delays.every((delay) => delay <= 400), `none is later than maxRetry: ${delays}`);
    assert.ok(delays.at(-1) >= 200, `the later ones wait about that long: ${delays}`);

    const marks = new Map([client, other].map((each) => [each, each.log.mark()]));
    await server.start();
    assert.ok((await inFlight).every(({ ok }) => ok), 'a publication under way was rejected');
    assert.ok((await pending).every(({ ok }) => ok), 'a publication that waited was rejected');
    for (const each of [client, other]) {
      await each.reply('/meta/subscribe', () => true, marks.get(each));
      // A server that drains may still shake hands, and forget that session too. In each, the client subscribes once.
      const sessions = sent(each, '/meta/handshake');
      assert.ok(sessions === 2 || (sessions === 3 && ends === 'stop'), `${sessions} handshakes`);
      assert.equal(sent(each, '/meta/subscribe'), sessions);
    }
    await publishByPost(server.url, '/numbers', 'sentinel');
    for (const each of [client, other]) {
      await each.delivery('/numbers', 'sentinel');
      const heard = each.delivered('/numbers');
      assert.equal(heard.filter((data) => data === 'sentinel').length, 1);
      // Who lost its reply with the server is sent again: it may be heard twice, but never out of turn.
      const firsts = [...new Set(heard.filter(Number))];
      assert.deepEqual(firsts, firsts.toSorted((first, second) => first - second));
    }
    assertNoPageErrors(client);
    await client.disconnect();
    await other.disconnect();
    await server.stop();
  };
}

const tests = {};
for (const transport of ['websocket', 'eventsource', 'long-polling']) {
  tests[`over ${transport}, the server drains`] = publicationsSettleWhenTheServer('stop', transport);
  tests[`over ${transport}, the server crashes`] = publicationsSettleWhenTheServer('crash', transport);
}
registerOurScenarios('our client and a server that restarts', tests);
