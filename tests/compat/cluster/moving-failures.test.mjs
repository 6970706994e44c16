// Sessions move to another node while something fails: their owner is dead, or the way to Redis breaks just then.

import assert from 'node:assert/strict';

import { METRICS, metricIs } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { poll } from '../lib/cluster/raw.mjs';
import { AT_ONCE, numbers, publish, RawSession } from '../lib/cluster/raw-session.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { startRedisProxy } from '../lib/cluster/redis-proxy.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const keyOf = (clientId) => `faye:session:{${clientId}}`;

/** Whether a request runs a script on what Redis knows of a session. */
const isScriptFor = (words, clientId) => /^eval/i.test(words[0]) && words[3] === keyOf(clientId);

/** Who claims a session says first which epoch it has read; all others say first who they are. */
const isClaim = (words) => /^\d{1,15}$/.test(words[4]);

const ownerOf = (redis, clientId) => redis.command('HGET', keyOf(clientId), 'node');

/** As if the time were over for which a node that is dead counts as alive. */
async function endLease(redis, node) {
  assert.equal(await redis.command('ZREM', 'faye:{nodes}', node), 1, 'it was over already');
}

async function startBehindProxy(workbench, behind, options) {
  const redis = await startRedis(workbench);
  const proxy = await startRedisProxy(workbench, redis.port);
  const urlOf = (place) => (place === behind ? proxy.url : redis.url);
  return { redis, proxy, ...await startNodes(workbench, { redis, urlOf, startBalancer: null, ...options }) };
}

testNodes('a mailbox overflows while its session arrives from a dead node', async (workbench) => {
  const [count, room] = [5, 10];
  const environment = { ...CALM, FAYE_MAILBOX__MESSAGES: String(room) };
  const { redis, nodes: [dead, heir] } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  const sessions = [];
  for (let index = 0; index < count; index += 1) sessions.push(await RawSession.begin(dead, '/n/full'));
  const owner = await ownerOf(redis, sessions[0].clientId);
  const partitions = () => redis.command('PUBSUB', 'SHARDCHANNELS', 'faye:{partition-*');
  await dead.crash();
  await until('nobody hears what is published', async () => (await partitions()).length === 0);

  const polls = sessions.map(({ clientId }) => poll(heir.url, clientId, AT_ONCE));
  await metricIs([heir], METRICS.subscriptions, (sum) => sum === count);
  await until('the heir hears what is published', async () => (await partitions()).length > 0);
  await publish(heir, '/n/full', ...numbers(1, 2 * room));
  await metricIs([heir], METRICS.received, (sum) => sum === 2 * room);
  await endLease(redis, owner);

  for (const [index, messages] of (await Promise.all(polls)).entries()) {
    const { clientId } = sessions[index];
    const [reply] = messages;
    assert.equal(reply.successful, false, JSON.stringify(messages));
    assert.equal(reply.error, `401:${clientId}:Unknown client`);
    assert.equal(reply.advice.reconnect, 'handshake');
    // A session that had two owners leaves a record that it has ended, and nothing else.
    assert.equal(await redis.command('HEXISTS', keyOf(clientId), 'node'), 0);
  }
  await metricIs([heir], METRICS.sessions, (sum) => sum === 0);
  await metricIs([heir], METRICS.subscriptions, (sum) => sum === 0);
});

testNodes('the answer to who claims a session is lost', async (workbench) => {
  const { proxy, nodes } = await startBehindProxy(workbench, 1);
  const [owner, claimer, third] = nodes;
  const session = await RawSession.begin(owner, '/n/claimed');
  await publish(owner, '/n/claimed', ...numbers(1, 5));
  const cut = proxy.cutAnswer((words) => isScriptFor(words, session.clientId) && isClaim(words));
  const claimed = session.poll(claimer, AT_ONCE);
  await cut;
  await claimed;
  for (const node of [third, owner, claimer]) await session.poll(node, AT_ONCE);
  await publish(third, '/n/claimed', 6);
  await session.pollFor(owner, 6);
  assert.deepEqual(session.values, numbers(1, 6));
  await metricIs(nodes, METRICS.sessions, (sum) => sum === 1);
});

testNodes('the note of what waits for a session is lost, and then its node', async (workbench) => {
  const { redis, proxy, nodes: [dead, heir] } = await startBehindProxy(workbench, 0, { size: 2 });
  const session = await RawSession.begin(dead, '/h/noted');
  await until('it is noted that nothing waits', async () =>
    await redis.command('HEXISTS', keyOf(session.clientId), 'waiting') === 0);
  const cut = proxy.cutRequest((words) => isScriptFor(words, session.clientId) && words.includes('waiting'));
  await publish(heir, '/h/noted', ...numbers(1, 5));
  await cut;

  const keys = [...(await redis.keys()).keys()];
  const [, partition, place] = keys.map((key) => /^(.*\{partition-(\d+)\}):history:/.exec(key)).find(Boolean);
  const published = Number(await redis.command('HGET', partition, 'number'));
  const owner = await ownerOf(redis, session.clientId);
  // From then on, without a note of what waits, whoever adopts the session goes on behind what it has not got.
  await until('the node has noted that it has come as far', async () =>
    Number(await redis.command('HGET', `faye:{node-${owner}}:positions`, place)) >= published);
  await dead.crash();
  await endLease(redis, owner);
  await session.pollFor(heir, 5);
  assert.deepEqual(session.values, numbers(1, 5));
});
