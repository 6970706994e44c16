// Every form in which redis.url may be written joins two nodes.

import assert from 'node:assert/strict';

import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, subscribe } from '../lib/cluster/raw.mjs';
import { startRedisCluster } from '../lib/cluster/redis-cluster.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { startSentinels } from '../lib/cluster/sentinel.mjs';

/** Many channels, so that they are in every slot of a Redis Cluster. */
const CHANNELS = Array.from({ length: 40 }, (_, index) => `${index % 2 ? '/h' : '/n'}/${index}`);

async function nodesAreJoined(workbench, redis, environment = CALM) {
  const { nodes: [one, other] } = await startNodes(workbench, { redis, size: 2, startBalancer: null, environment });
  const clientId = await handshake(one.url);
  await subscribe(other.url, clientId, ['/h/*', '/n/*']);
  for (const channel of CHANNELS) {
    const [reply] = await post(other.url, [{ channel, data: channel }]);
    assert.equal(reply.successful, true, JSON.stringify(reply));
  }
  const heard = [];
  while (heard.length < CHANNELS.length) {
    const replies = await poll(one.url, clientId);
    heard.push(...replies.filter(({ data }) => data).map(({ data }) => data));
  }
  assert.deepEqual(heard.toSorted(), CHANNELS.toSorted());
}

testNodes('redis:// with a user, a password and a database', async (workbench) => {
  const redis = await startRedis(workbench, { user: 'faye', password: 'p@ss/word', database: 3 });
  await nodesAreJoined(workbench, redis);
  await redis.command('SELECT', '3');
  assert.ok((await redis.keys()).size > 0, 'nothing is in that database');
});

testNodes('redis:// with a password alone', async (workbench) =>
  nodesAreJoined(workbench, await startRedis(workbench, { requirePassword: 'secret' })));

testNodes('rediss://', async (workbench) => {
  const redis = await startRedis(workbench, { tls: true });
  await nodesAreJoined(workbench, redis, { ...CALM, SSL_CERT_FILE: redis.certificate });
});

testNodes('rediss:// with an authority of its own', async (workbench) => {
  const redis = await startRedis(workbench, { tls: true });
  await nodesAreJoined(workbench, redis, { ...CALM, FAYE_REDIS__TLS_CA: redis.certificate });
});

testNodes('redis+unix://', async (workbench) => nodesAreJoined(workbench, await startRedis(workbench, { socket: true })));

testNodes('redis+sentinel://', async (workbench) => nodesAreJoined(workbench, await startSentinels(workbench)));

testNodes('redis+cluster://', async (workbench) => nodesAreJoined(workbench, await startRedisCluster(workbench)));
