// npm's pubsubhubbub, a subscriber for Node, against the binary. (With its option `secret` it registers another secret than it
// verifies with, and so drops every signed delivery of any hub; so it is used without.)

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { openStage } from '../../lib/websub/stage.mjs';

const pubsubhubbub = createRequire(import.meta.url)('pubsubhubbub');
const VERSION = createRequire(import.meta.url)('pubsubhubbub/package.json').version;

/** A request of the library as a promise. */
const ask = (subscriber, mode, topic, hub) => new Promise((resolve, reject) => {
  subscriber[mode](topic, hub, (error, answer) => (error ? reject(error) : resolve(answer)));
});

test(`npm pubsubhubbub ${VERSION} subscribes, receives and unsubscribes`, async (context) => {
  assert.equal(VERSION, '1.0.2');
  process.env.NO_PROXY = '*';
  const { bench, url, link } = await openStage(context);
  const subscriber = pubsubhubbub.createServer({});
  subscriber.listen(0, '127.0.0.1');
  await once(subscriber, 'listen');
  context.after(() => {
    subscriber.server.close();
    subscriber.server.closeAllConnections();
  });
  subscriber.callbackUrl = `http://127.0.0.1:${subscriber.server.address().port}/callback`;
  const received = [];
  subscriber.on('feed', (feed) => received.push(feed));
  subscriber.on('denied', (denial) => assert.fail(`denied: ${JSON.stringify(denial)}`));

  // A control, whose deliveries show that the hub is finished with a version.
  const [topic, control] = [bench.topic({ type: 'application/atom+xml' }), await bench.callback()];
  await bench.subscribed(control, topic);

  const confirmed = once(subscriber, 'subscribe');
  assert.equal(await ask(subscriber, 'subscribe', topic.url, url), topic.url);
  const [{ topic: confirmedTopic, lease }] = await confirmed;
  assert.equal(confirmedTopic, topic.url);
  assert.ok(lease > Date.now() / 1_000);
  while (received.length === 0) await bench.follow(topic, control);
  const body = await bench.publish(topic);
  while (!received.some(({ feed }) => feed.equals(body))) await once(subscriber, 'feed');
  const [{ topic: named, hub, headers }] = received;
  // It takes topic and hub from the query of the callback, and then from the first link.
  assert.equal(named, topic.url);
  assert.equal(hub, link);
  assert.equal(headers['content-type'], 'application/atom+xml');

  const ended = once(subscriber, 'unsubscribe');
  await ask(subscriber, 'unsubscribe', topic.url, url);
  await ended;
  // The response to the verification reaches the hub at an unknown time, and one delivery may be in flight.
  const latest = Date.now() + bench.patience;
  for (let before = -1; received.length !== before;) {
    assert.ok(Date.now() < latest, 'it is delivered to after its unsubscribe');
    before = received.length;
    for (let count = 0; count < 2; count += 1) await control.deliveryOf(await bench.publish(topic));
  }
});
