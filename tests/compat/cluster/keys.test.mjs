// What nodes keep in Redis goes away again: every key has a time to live, and a node that stops deletes its keys.

import assert from 'node:assert/strict';

import { METRICS, metricIs } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, subscribe } from '../lib/cluster/raw.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const ENVIRONMENT = { ...CALM, FAYE_SERVER__TIMEOUT: '3s' };
const CHANNELS = ['/n/a', '/n/b'];

async function clientsCome(nodes, count) {
  const clients = [];
  for (let number = 0; number < count; number += 1) {
    const at = (step) => nodes[(number + step) % nodes.length].url;
    const clientId = await handshake(at(0));
    for (const channel of CHANNELS) await subscribe(at(1), clientId, channel);
    await poll(at(2), clientId, { timeout: 0 });
    await post(at(0), [{ channel: CHANNELS[number % 2], data: number, clientId }]);
    clients.push(clientId);
  }
  return clients;
}

/** Every other one says that it goes. */
async function clientsGo(nodes, clients) {
  for (const [number, clientId] of clients.entries()) {
    if (number % 2 === 0) await post(nodes[number % nodes.length].url, [{ channel: '/meta/disconnect', clientId }]);
  }
  await metricIs(nodes, METRICS.sessions, (count) => count === 0);
}

function assertAllEnd(keys) {
  const lasting = [...keys].filter(([, left]) => left === -1).map(([name]) => name);
  assert.deepEqual(lasting, [], 'keys without a time to live');
}

testNodes('there are no more keys after clients came and went than before', async (workbench) => {
  const { redis, nodes } = await startNodes(workbench, { startBalancer: null, environment: ENVIRONMENT });
  await clientsGo(nodes, await clientsCome(nodes, 6));
  const before = await redis.keys();
  assertAllEnd(before);
  const clients = await clientsCome(nodes, 30);
  assertAllEnd(await redis.keys());
  await clientsGo(nodes, clients);
  await until(`Redis has no more than ${before.size} keys`, async () => {
    const after = await redis.keys();
    assertAllEnd(after);
    return after.size <= before.size;
  });
});

testNodes('keys of history and of nodes have an end as well, and stand under the prefix', async (workbench) => {
  const environment = { ...ENVIRONMENT, FAYE_REDIS__PREFIX: 'mine' };
  const { redis, nodes } = await startNodes(workbench, { startBalancer: null, environment });
  const clients = await clientsCome(nodes, 3);
  for (const node of nodes) await post(node.url, [{ channel: '/h/kept', data: node.name }]);
  const keys = await redis.keys();
  assert.ok(keys.size > 0, 'there are no keys at all');
  assertAllEnd(keys);
  const others = [...keys.keys()].filter((name) => !name.startsWith('mine') && !name.startsWith('{mine'));
  assert.deepEqual(others, [], 'keys without the prefix');
  await clientsGo(nodes, clients);
  await nodes[0].crash();
  await nodes[1].stop();
  assertAllEnd(await redis.keys());
});

testNodes('two installations with prefixes of their own share a Redis and nothing else', async (workbench) => {
  const { redis, nodes: [one] } = await startNodes(workbench, { startBalancer: null, size: 1 });
  const environment = { ...CALM, FAYE_REDIS__PREFIX: 'other' };
  const { nodes: [other] } = await startNodes(workbench, { redis, startBalancer: null, size: 1, environment });
  const clientId = await handshake(one.url);
  await subscribe(one.url, clientId, '/n/shared');
  const [stranger] = await poll(other.url, clientId, { timeout: 0 });
  assert.equal(stranger.successful, false, JSON.stringify(stranger));
  await post(other.url, [{ channel: '/n/shared', data: 'not for you' }]);
  await post(one.url, [{ channel: '/n/shared', data: 'for you' }]);
  const replies = await poll(one.url, clientId);
  assert.deepEqual(replies.filter(({ data }) => data).map(({ data }) => data), ['for you']);
});
