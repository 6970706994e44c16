// What the other tests stand on does what it says: Redis in all its forms starts, stalls and comes back, and the proxies
// before it cut and hold.

import assert from 'node:assert/strict';

import { testNodes } from '../lib/cluster/nodes.mjs';
import { startRedisCluster } from '../lib/cluster/redis-cluster.mjs';
import { startRedisProxy } from '../lib/cluster/redis-proxy.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { RespClient } from '../lib/cluster/resp.mjs';
import { startSentinels } from '../lib/cluster/sentinel.mjs';
import { startTcpProxy } from '../lib/cluster/tcp-proxy.mjs';

/** Whether a promise is settled when something that takes a round trip is over. */
async function isSettledAfter(roundTrip, promise) {
  let isSettled = false;
  promise.then(() => { isSettled = true; }, () => { isSettled = true; });
  await roundTrip();
  return isSettled;
}

testNodes('Redis has no keys, then one without a time to live, then none after a crash', async (workbench) => {
  const redis = await startRedis(workbench);
  assert.deepEqual([...await redis.keys()], []);
  await redis.command('SET', 'lasting', 'żółć');
  assert.equal(await redis.command('GET', 'lasting'), 'żółć');
  assert.deepEqual([...await redis.keys()], [['lasting', -1]]);
  await assert.rejects(redis.command('LPUSH', 'lasting', 'x'), /^Error: WRONGTYPE/);
  await redis.crash();
  await assert.rejects(redis.command('PING'));
  await redis.start();
  assert.deepEqual([...await redis.keys()], []);
});

testNodes('Redis asks for a password, listens on a socket, speaks TLS', async (workbench) => {
  for (const [options, form] of [
    [{ user: 'faye', password: 'secret' }, /^redis:\/\/faye:secret@127/],
    [{ requirePassword: 'secret' }, /^redis:\/\/:secret@127/],
    [{ socket: true }, /^redis\+unix:\/\/\//],
    [{ tls: true }, /^rediss:\/\/127/],
  ]) {
    const redis = await startRedis(workbench, options);
    assert.match(redis.url, form);
    assert.equal(await redis.command('PING'), 'PONG');
    if (options.socket || options.tls) continue;
    const stranger = await RespClient.open({ port: redis.port });
    await assert.rejects(stranger.command('PING'), /NOAUTH/);
    stranger.close();
  }
});

testNodes('a Redis that is stalled answers when it goes on', async (workbench) => {
  const [redis, other] = [await startRedis(workbench), await startRedis(workbench)];
  redis.stall();
  const answer = redis.command('PING');
  assert.equal(await isSettledAfter(() => other.command('PING'), answer), false);
  redis.resume();
  assert.equal(await answer, 'PONG');
});

testNodes('the proxy holds what passes, and cuts', async (workbench) => {
  const redis = await startRedis(workbench);
  const proxy = await startTcpProxy(workbench, redis.port);
  const through = await RespClient.open({ port: proxy.port });
  assert.equal(await through.command('PING'), 'PONG');

  proxy.stall();
  const held = through.command('PING');
  assert.equal(await isSettledAfter(() => redis.command('PING'), held), false);
  proxy.heal();
  assert.equal(await held, 'PONG');

  const cut = through.command('BLPOP', 'nothing', '0');
  proxy.cut();
  await assert.rejects(cut, /closed/);
  const refused = await RespClient.open({ port: proxy.port }).catch(() => null);
  if (refused) await assert.rejects(refused.command('PING'), /closed/);
  proxy.heal();
  const again = await RespClient.open({ port: proxy.port });
  assert.equal(await again.command('PING'), 'PONG');
  again.close();
});

testNodes('the proxy that understands Redis loses one request, or one answer', async (workbench) => {
  const redis = await startRedis(workbench);
  const proxy = await startRedisProxy(workbench, redis.port);
  const isIncrement = ([name]) => name === 'INCR';
  for (const [arm, done] of [['cutRequest', null], ['cutAnswer', '1']]) {
    const through = await RespClient.open({ port: proxy.port });
    assert.equal((await through.command('HELLO', '2'))[0], 'server');
    const cut = proxy[arm](isIncrement);
    assert.equal(await through.command('ECHO', 'another'), 'another');
    await Promise.all([cut, assert.rejects(through.command('INCR', 'counter'), /closed/)]);
    assert.equal(await redis.command('GET', 'counter'), done);
  }
  const again = await RespClient.open({ port: proxy.port });
  assert.equal(await again.command('INCR', 'counter'), 2);
  again.close();
});

testNodes('a Redis Cluster shares out its slots', async (workbench) => {
  const { url, masters } = await startRedisCluster(workbench);
  assert.match(url, /^redis\+cluster:\/\/(127\.0\.0\.1:\d+,?){3}$/);
  const outcomes = await Promise.all(masters.map((master) => master.command('SET', 'key', 'value').catch(String)));
  assert.equal(outcomes.filter((outcome) => outcome === 'OK').length, 1);
  assert.equal(outcomes.filter((outcome) => /MOVED/.test(outcome)).length, 2);
});

testNodes('the sentinels make the replica the master', async (workbench) => {
  const { url, master, replica, promoted } = await startSentinels(workbench);
  assert.match(url, /^redis\+sentinel:\/\/.*\/mymaster$/);
  await assert.rejects(replica.command('SET', 'key', 'value'), /READONLY/);
  await master.crash();
  await promoted();
  assert.equal(await replica.command('SET', 'key', 'value'), 'OK');
});
