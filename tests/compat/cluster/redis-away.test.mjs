// Redis stops answering, or dies and comes back empty: nodes deliver to their own clients what they may accept
// alone, say that they are not ready, and have everything everywhere afterwards.

import assert from 'node:assert/strict';

import { acceptedEverywhere, startLocalLoad } from '../lib/cluster/local-load.mjs';
import { ask, METRICS, metric, notReady, ready } from '../lib/cluster/metrics.mjs';
import { CALM, startNode, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, subscribe } from '../lib/cluster/raw.mjs';
import { Redis, startRedis } from '../lib/cluster/redis.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const CHANNELS = ['/h/a', '/n/a'];
/** Nodes accept publications alone, and refuse those to channels with history at once. */
const LOCAL = { ...CALM, FAYE_REDIS__ACK: 'local', FAYE_REDIS__PATIENCE: '0s' };
const AS_IT_GOES = 'as Redis goes';
const AWAY = 'while Redis is away';

/** Nodes order what they accept alone; everybody gets it, but not in one order. */
const mayBeOutOfOrder = ({ phase }) => phase === AS_IT_GOES || phase === AWAY;

/** Whether a node's own listeners have what its publisher sent while Redis was away. */
async function ownListenersHear(ledger, nodes) {
  const wanted = ledger.publications.filter(({ phase, outcome }) => phase === AWAY && outcome === 'accepted');
  await until('each node delivers to its own clients', () => nodes.every((node) => {
    const subscribers = ledger.record().subscribers.filter(({ name }) => name.endsWith(node.name));
    const own = wanted.filter(({ publisher }) => publisher === node.name);
    return own.length > 0 && subscribers.every(({ arrivals }) => own.every(({ channel, number }) =>
      arrivals.some((each) => each.publisher === node.name && each.channel === channel && each.number === number)));
  }));
}

async function whileAway(workbench, leave, comeBack, allowed) {
  const { redis, nodes } = await startNodes(workbench, { startBalancer: null, environment: LOCAL });
  const ledger = await startLocalLoad(workbench, nodes, CHANNELS, CHANNELS);
  await acceptedEverywhere(ledger, nodes, 20);
  await ledger.everybodyHasWhatWasAccepted();
  ledger.phase = AS_IT_GOES;
  await acceptedEverywhere(ledger, nodes, 10);
  await leave(redis);
  await notReady(...nodes);
  ledger.phase = AWAY;
  await acceptedEverywhere(ledger, nodes, 20);
  await ownListenersHear(ledger, nodes);
  for (const node of nodes) {
    assert.equal((await ask(node.origin, '/healthz')).status, 200);
    assert.equal(await metric(node, METRICS.redisUp), 0);
  }
  await comeBack(redis);
  await ready(...nodes);
  ledger.phase = 'when Redis is back';
  await acceptedEverywhere(ledger, nodes, 20);
  for (const node of nodes) assert.equal(await metric(node, METRICS.redisUp), 1);
  await ledger.judge(nodes[0].url, { mayBeOutOfOrder, ...allowed });
}

testNodes('Redis is stopped and goes on', (workbench) =>
  whileAway(workbench, (redis) => redis.stall(), (redis) => redis.resume(), {}));

// What Redis had taken and not passed on is gone with it.
testNodes('Redis dies and comes back empty', (workbench) =>
  whileAway(workbench, (redis) => redis.crash(), (redis) => redis.start(), {
    mayBeLost: ({ phase }) => phase === AS_IT_GOES,
  }));

testNodes('sessions are known everywhere again after Redis came back empty', async (workbench) => {
  const { redis, nodes } = await startNodes(workbench, { startBalancer: null });
  const clientId = await handshake(nodes[0].url);
  await subscribe(nodes[0].url, clientId, '/n/again');
  await redis.crash();
  await redis.start();
  await ready(...nodes);
  await until('the session is known at another node', async () => {
    const [reply] = await poll(nodes[1].url, clientId, { timeout: 0 });
    return reply.successful;
  });
  await post(nodes[2].url, [{ channel: '/n/again', data: 'again' }]);
  const replies = await poll(nodes[1].url, clientId);
  assert.ok(replies.some(({ data }) => data === 'again'), JSON.stringify(replies));
});

testNodes('publications are refused while Redis is away', async (workbench) => {
  const environment = { ...CALM, FAYE_REDIS__PATIENCE: '0s' };
  const { redis, nodes: [node, other] } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  const clientId = await handshake(node.url);
  await subscribe(node.url, clientId, '/n/refused');
  redis.stall();
  await notReady(node, other);
  const [refused] = await post(node.url, [{ channel: '/n/refused', data: 'refused', id: 'p' }]);
  assert.equal(refused.successful, false, JSON.stringify(refused));
  assert.match(refused.error, /^503:/);
  redis.resume();
  await ready(node, other);
  const [accepted] = await post(other.url, [{ channel: '/n/refused', data: 'accepted' }]);
  assert.equal(accepted.successful, true, JSON.stringify(accepted));
  const heard = [];
  while (heard.length === 0) {
    heard.push(...(await poll(node.url, clientId)).filter(({ data }) => data).map(({ data }) => data));
  }
  assert.deepEqual(heard, ['accepted']);
});

testNodes('a node that starts before Redis is ready when Redis is there', async (workbench) => {
  const redis = new Redis();
  workbench.atEnd(() => redis.discard());
  // It gives up its port at once; nobody else takes it.
  await redis.start();
  await redis.stop();
  const node = await startNode(workbench, 'the node', redis.url);
  await notReady(node);
  await redis.start();
  await ready(node);
});

testNodes('publications that several nodes accepted alone are all delivered once', async (workbench) => {
  const redis = await startRedis(workbench);
  const { nodes } = await startNodes(workbench, { redis, startBalancer: null, environment: LOCAL });
  const clientId = await handshake(nodes[0].url);
  await subscribe(nodes[0].url, clientId, '/n/kept');
  for (const round of [1, 2, 3]) {
    redis.stall();
    await notReady(...nodes);
    for (const node of nodes) await post(node.url, [{ channel: '/n/kept', data: `${node.name}, ${round}` }]);
    redis.resume();
    await ready(...nodes);
  }
  await post(nodes[2].url, [{ channel: '/n/kept', data: 'the last' }]);
  const heard = [];
  while (!heard.includes('the last')) {
    const replies = await poll(nodes[0].url, clientId);
    heard.push(...replies.filter(({ data }) => data).map(({ data }) => data));
  }
  const wanted = [1, 2, 3].flatMap((round) => nodes.map(({ name }) => `${name}, ${round}`));
  assert.deepEqual(heard.toSorted(), [...wanted, 'the last'].toSorted());
});

testNodes('clients behind the balancer go on with their node while Redis is away', async (workbench) => {
  const { redis, nodes, url, balancer } = await startNodes(workbench, { environment: LOCAL });
  redis.stall();
  await notReady(...nodes);
  await balancer.seesReady();
  const clientId = await handshake(url);
  await subscribe(url, clientId, '/n/alone');
  const [reply] = await post(url, [{ channel: '/n/alone', data: 'alone' }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
  const replies = await poll(url, clientId, { timeout: 0 });
  assert.ok(replies.some(({ data }) => data === 'alone'), JSON.stringify(replies));
});
