// The programs of three articles about PubSubHubbub, as they were published, against the binary: a lifestream (000),
// ColdFusion (001) and a subscriber in Perl (003).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { freePort } from '../../lib/ports.mjs';
import { Program, folderWith, run } from '../../lib/websub/program.mjs';
import { openStage } from '../../lib/websub/stage.mjs';

const file = (name) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');

const atom = (entries, { title = 'A feed' } = {}) => `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>${title}</title><id>urn:feed</id><updated>2026-01-01T00:00:00Z</updated>
${entries.map((name) => `<entry><id>urn:${name}</id><title>${name}</title><updated>2026-01-01T00:00:00Z</updated></entry>`).join('\n')}
</feed>
`;

/** A topic with Jekyll's feed, and a callback that is subscribed to it. */
async function followedFeed({ bench }, options) {
  const topic = bench.topic({ type: 'application/xml', content: (version) => atom([`post-${version}`]), ...options });
  const callback = await bench.callback();
  await bench.subscribed(callback, topic);
  await bench.follow(topic, callback);
  return { topic, callback };
}

test('seed_000_curl_publish_to_root', async (context) => {
  const stage = await openStage(context);
  const { topic, callback } = await followedFeed(stage, { name: 'feed.xml' });
  const host = new URL(stage.url).host;
  const script = `curl -d hub.mode=publish -d "hub.url=${topic.url}" http://${host}`;
  topic.version += 1;
  assert.equal(await run('bash', ['-c', script]), '', 'the ping has a response with a body');
  await callback.deliveryOf(topic.body());
  assert.equal(await run('bash', ['-c', `${script} -s -o /dev/null -w '%{http_code}'`]), '204');
});

test('seed_000_php_unencoded_hub_url', async (context) => {
  const stage = await openStage(context);
  const { topic, callback } = await followedFeed(stage, { name: 'chimo', suffix: '?tab=activity' });
  const folder = folderWith(context, {
    '_config.php': `<?php
$config = ['gogs' => ['secret' => 'a secret', 'push' => '${stage.server.origin}', 'topic' => '${topic.url}']];\n`,
    'hooks/gogs/index.php': file('gogs.php'),
  });
  const port = await freePort();
  const program = Program.start(context, 'php', ['-S', `127.0.0.1:${port}`], { cwd: join(folder, 'hooks/gogs') });
  await program.prints('started');
  const push = (secret) => fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST', headers: { 'X-Gogs-Event': 'push' }, body: JSON.stringify({ secret, ref: 'refs/heads/master', commits: [] }),
  });
  assert.equal((await push('wrong')).status, 400);
  topic.version += 1;
  assert.equal((await push('a secret')).status, 200);
  await program.prints('Pinged hub successfully');
  await callback.deliveryOf(topic.body());
});

/** What `<cfhttp method="POST">` sends for parameters of the type "url": a query, and an empty body. */
async function cfhttp(url, parameters, headers = { 'Content-Type': 'application/x-www-form-urlencoded' }) {
  const target = `${url}?${new URLSearchParams(parameters)}`;
  const outgoing = request(target, { method: 'POST', headers: { ...headers, 'Content-Length': 0 } });
  outgoing.end();
  const [response] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, text };
}

const FOLDER = '/ZeusTutorial/pubsubhubbub/example';

/** ColdFusion's feed: it names no hub, and its `updated` is the time of each fetch. */
function coldFusionFeed(bench) {
  const feed = { entries: ['first'] };
  let fetches = 0;
  const content = () => {
    fetches += 1;
    const updated = `<updated>{ts '2026-01-01 00:00:0${fetches % 10}'}</updated>`;
    return atom(feed.entries, { title: "Sagar's Kitchen" }).replace(/<updated>.*?<\/updated>/, updated);
  };
  const answer = (_request, topic) => ({ headers: { 'Content-Type': 'text/xml' }, body: topic.body() });
  const topic = bench.topic({ name: 'Publisher.cfc', suffix: '?method=getFeed', content, answer });
  return { feed, topic };
}

const PRIVATE = { policy: 'open', topic_networks: ['127.0.0.0/8'], callback_networks: ['127.0.0.0/8'] };

test('seed_001_publish_query_empty_body_204', async (context) => {
  const stage = await openStage(context, PRIVATE);
  const { feed, topic } = coldFusionFeed(stage.bench);
  const parameters = { 'hub.mode': 'publish', 'hub.url': topic.url };
  // "Registering the publisher": before any subscriber, and as often as it likes.
  for (const url of [stage.server.origin, stage.root, stage.url]) {
    for (const headers of [undefined, {}, { 'Content-Type': 'application/json' }]) {
      assert.deepEqual(await cfhttp(url, parameters, headers), { status: 204, text: '' });
    }
  }
  const callback = await stage.bench.callback();
  assert.equal((await stage.bench.subscribe(callback, topic, { 'hub.verify': 'sync' })).status, 204);
  assert.deepEqual(await cfhttp(stage.server.origin, parameters), { status: 204, text: '' });
  await callback.delivery('the feed', ({ body }) => body.includes('urn:first'));
  feed.entries.unshift('second');
  assert.deepEqual(await cfhttp(stage.server.origin, parameters), { status: 204, text: '' });
  await callback.delivery('the feed', ({ body }) => body.includes('urn:second'));
});

test('seed_001_subscribe_sync_callback_with_query_204', async (context) => {
  const stage = await openStage(context, PRIVATE);
  const { feed, topic } = coldFusionFeed(stage.bench);
  const callback = await stage.bench.callback({ path: `${FOLDER}/subscriber.cfc`, query: '?method=receiveFeed' });
  // `returnformat="plain"` after a cfheader, and a dump of the request to the console.
  callback.verify = ({ query }) => ({ headers: { 'Content-Type': 'text/plain' }, body: query.get('hub.challenge') });
  callback.deliver = () => ({ status: 200, headers: { 'Content-Type': 'text/html;charset=UTF-8' } });
  const answer = await cfhttp(stage.server.origin, {
    'hub.mode': 'subscribe', 'hub.verify': 'sync', 'hub.topic': topic.url, 'hub.callback': callback.url,
  });
  assert.deepEqual(answer, { status: 204, text: '' });
  const [verification] = callback.requests;
  assert.equal(verification.method, 'GET');
  assert.ok(verification.target.startsWith(`${FOLDER}/subscriber.cfc?method=receiveFeed&`), verification.target);
  assert.equal(verification.query.get('hub.topic'), topic.url);

  const publish = () => cfhttp(stage.server.origin, { 'hub.mode': 'publish', 'hub.url': topic.url });
  assert.equal((await publish()).status, 204);
  const first = await callback.delivery('the feed');
  assert.equal(first.target, `${FOLDER}/subscriber.cfc?method=receiveFeed`);
  assert.equal(first.headers['content-type'], 'text/xml');
  // Only `updated` changes: no delivery. The next entry is one.
  const mark = stage.topics.web.mark();
  assert.equal((await publish()).status, 204);
  await stage.topics.web.waitFor('a fetch', ({ path }) => path === topic.path, mark);
  feed.entries.unshift('second');
  assert.equal((await publish()).status, 204);
  await callback.delivery('the second entry', ({ body }) => body.includes('urn:second'));
  assert.equal(callback.deliveries.length, 2, 'a change of the time alone was delivered');
});

/** Long enough for a verification in its last tenth, also on a slow machine. */
const LEASE_SECONDS = 10;

test('seed_003_psgi_500_never_renews', async (context) => {
  const stage = await openStage(context, { lease_min: '1s' });
  const { bench } = stage;
  const content = (version) => atom(['entry'], { title: `version ${version}.` });
  const topic = bench.topic({ type: 'application/atom+xml', content });
  const unknown = bench.topic();
  const folder = folderWith(context, { 'app.psgi': file('subscriber.psgi') });
  const port = await freePort();
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  const program = Program.start(context, 'plackup', ['-E', 'deployment', ...address, join(folder, 'app.psgi')],
    { env: { ...process.env, TOPIC: topic.url } });
  await program.answers(`http://127.0.0.1:${port}/`);
  const subscriber = { url: `http://127.0.0.1:${port}/callback` };
  const sync = { 'hub.verify': 'sync', 'hub.lease_seconds': LEASE_SECONDS };

  // It answers 500 for another feed.
  assert.equal((await bench.subscribe(subscriber, unknown, sync)).status, 409);
  assert.equal((await bench.subscribe(subscriber, topic, sync)).status, 204);
  await bench.publish(topic);
  await program.prints(`received version ${topic.version}.`);

  // It never renews: the hub verifies it again before the end of the lease, and delivers after it.
  const end = Date.now() + 1_000 * LEASE_SECONDS;
  await program.prints('confirmed', 2);
  await new Promise((resolve) => { setTimeout(resolve, end - Date.now()); });
  await bench.publish(topic);
  await program.prints(`received version ${topic.version}.`);

  // Its response to everything else is OK, which confirms no unsubscribe.
  assert.equal((await bench.unsubscribe(subscriber, topic, { 'hub.verify': 'sync' })).status, 409);
  await bench.publish(topic);
  await program.prints(`received version ${topic.version}.`);
});
