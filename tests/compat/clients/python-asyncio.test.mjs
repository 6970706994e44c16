// aiocometd, and the clients of Salesforce's Streaming API that are made with it or with the same library for HTTP.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loseSession, returnsAfterLoss, startSubscriber } from '../lib/python-client.mjs';

/** aiosfstream and aio-sf-streaming have this path, with a version of the API, in their code. */
const MOUNT = { FAYE_SERVER__MOUNT: '/cometd/45.0' };
const start = (context, kind, environment) =>
  startSubscriber(context, 'python-asyncio', [kind], { ...MOUNT, ...environment });

for (const dialect of ['faye', 'salesforce']) {
  const environment = { FAYE_DIALECT__UNKNOWN_CLIENT: dialect };
  for (const kind of ['long-polling', 'websocket']) {
    test(`aiocometd over ${kind} returns after the loss of its session, by the text of ${dialect}`, async (context) => {
      const subscriber = await start(context, kind, environment);
      await loseSession(subscriber);
      await returnsAfterLoss(subscriber);
    });
  }

  // It renews its credential and sends the refused connect again. It would wait for the advice of a repeated failure, some
  // hundred milliseconds, as for that many seconds.
  test(`aiosfstream returns at once after the loss of its session, by the text of ${dialect}`, async (context) => {
    const subscriber = await start(context, 'aiosfstream', environment);
    await loseSession(subscriber);
    await subscriber.client.prints('authenticated 2');
    await returnsAfterLoss(subscriber);
  });
}

test('aiosfstream returns at once after a restart of the server', async (context) => {
  const subscriber = await start(context, 'aiosfstream', {});
  await subscriber.server.crash();
  await subscriber.server.start();
  await returnsAfterLoss(subscriber);
});

test("aio-sf-streaming ends with its session by Salesforce's text, and only by that", async (context) => {
  const ended = await start(context, 'aio-sf-streaming', { FAYE_DIALECT__UNKNOWN_CLIENT: 'salesforce' });
  await loseSession(ended);
  await ended.client.prints('refused 1 403::Unknown client');
  await ended.client.prints('aio_sf_streaming.mixins.ConnectionError');
  const lost = await start(context, 'aio-sf-streaming', {});
  await loseSession(lost);
  await lost.client.prints(`refused 5 401:${lost.clientId}:Unknown client`);
  assert.equal(lost.client.hasEnded, undefined, lost.client.output);
});
