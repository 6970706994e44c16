// Redis loses the newest publications of a lane, as when a replica that is behind becomes the master. Their numbers are
// not given again: what had one of them would be taken for heard.

import assert from 'node:assert/strict';

import { METRICS, metric, notReady, ready } from '../lib/cluster/metrics.mjs';
import { startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { AT_ONCE, numbers, publish, RawSession } from '../lib/cluster/raw-session.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { startTcpProxy } from '../lib/cluster/tcp-proxy.mjs';

const CHANNEL = '/h/lost';
const HISTORY = `:history:${CHANNEL}`;

/** KEYS: a lane, the history of a channel of it. ARGV: how many of its newest publications are lost. */
const SET_BACK = `
local number = redis.call('HINCRBY', KEYS[1], 'number', -ARGV[1])
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', ARGV[1])) do
  redis.call('XDEL', KEYS[2], entry[1])
end
redis.call('XSETID', KEYS[2], string.format('%.0f-0', number))
return redis.call('XLEN', KEYS[2])
`;

testNodes('Redis loses the newest numbers of a lane', async (workbench) => {
  const redis = await startRedis(workbench);
  const proxy = await startTcpProxy(workbench, redis.port);
  const urlOf = (place) => (place === 0 ? `redis://127.0.0.1:${proxy.port}` : redis.url);
  const { nodes: [near, far] } = await startNodes(workbench, { redis, urlOf, startBalancer: null, size: 2 });
  const session = await RawSession.begin(near, CHANNEL);
  await publish(far, CHANNEL, ...numbers(1, 10));
  await session.pollFor(near, 10);

  const history = [...(await redis.keys()).keys()].find((key) => key.endsWith(HISTORY));
  const lane = history.slice(0, -HISTORY.length);
  assert.equal(await redis.command('EVAL', SET_BACK, 2, lane, history, 5), 5);
  await publish(far, CHANNEL, ...numbers(101, 105));
  await session.pollFor(near, 15);
  assert.deepEqual(session.values, [...numbers(1, 10), ...numbers(101, 105)]);

  // What a node did not hear is found in history, behind the new numbers.
  const before = await metric(near, METRICS.recovered);
  proxy.cut();
  await notReady(near);
  await publish(far, CHANNEL, ...numbers(201, 205));
  proxy.heal();
  await ready(near, far);
  await session.pollFor(near, 20);
  await session.poll(near, AT_ONCE);
  assert.deepEqual(session.values.slice(15), numbers(201, 205));
  assert.equal(await metric(near, METRICS.recovered) - before, 5);
  assert.equal(await redis.command('XLEN', history), 15);
});
