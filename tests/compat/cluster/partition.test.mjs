// One node is cut off from Redis while the others go on; and the subscribing connections alone are cut.

import assert from 'node:assert/strict';

import { missing } from '../lib/cluster/checker.mjs';
import { acceptedEverywhere, startLocalLoad } from '../lib/cluster/local-load.mjs';
import { METRICS, metric, metricIs, notReady, ready, sumOf } from '../lib/cluster/metrics.mjs';
import { CALM, hasHistory, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { startTcpProxy } from '../lib/cluster/tcp-proxy.mjs';

const CHANNELS = ['/h/a', '/n/a'];
const PARTED = 'while one node is alone';
const ALONE = 1;
/** A node that is alone accepts what has no history. */
const LOCAL = { ...CALM, FAYE_REDIS__ACK: 'local', FAYE_REDIS__PATIENCE: '0s' };

async function startBehindProxy(workbench, environment) {
  const redis = await startRedis(workbench);
  const proxy = await startTcpProxy(workbench, redis.port);
  const urlOf = (place) => (place === ALONE ? `redis://127.0.0.1:${proxy.port}` : redis.url);
  const { nodes } = await startNodes(workbench, { redis, urlOf, startBalancer: null, environment });
  return { redis, proxy, nodes };
}

/** What a node's listeners did not get, of everything that was accepted. */
function missedAt(ledger, node) {
  const { publications, subscribers } = ledger.record();
  const [first] = subscribers.filter(({ name }) => name.endsWith(node.name));
  return missing(first, publications);
}

function oneNodeIsAlone(how, environment) {
  return async (workbench) => {
    const { proxy, nodes } = await startBehindProxy(workbench, environment);
    const others = nodes.filter((_node, place) => place !== ALONE);
    const ledger = await startLocalLoad(workbench, nodes, CHANNELS, CHANNELS);
    await acceptedEverywhere(ledger, nodes, 20);
    await ledger.everybodyHasWhatWasAccepted();
    ledger.phase = PARTED;
    // What was under way in the phase before is accepted by then.
    await acceptedEverywhere(ledger, nodes, 1);
    proxy[how]();
    await notReady(nodes[ALONE]);
    await ready(...others);
    await acceptedEverywhere(ledger, environment === LOCAL ? nodes : others, 30);
    proxy.heal();
    await ready(...nodes);
    ledger.phase = 'when all are together again';
    await acceptedEverywhere(ledger, nodes, 20);
    await ledger.judge(nodes[0].url, {
      hasHistory,
      mayBeLost: ({ phase }) => phase === PARTED,
      mayBeOutOfOrder: ({ phase }) => phase === PARTED,
    });
    // The others get what was kept for them; who was alone gets what history has, and says what it has not.
    for (const node of others) assert.deepEqual(missedAt(ledger, node), []);
    const lost = missedAt(ledger, nodes[ALONE]).length;
    const counted = await metric(nodes[ALONE], METRICS.missed);
    assert.ok(lost <= counted, `${lost} are missing, and ${counted} are counted`);
    // Who only got no answer finds in its connection what came meanwhile.
    if (how === 'cut') assert.ok(await metric(nodes[ALONE], METRICS.recovered) > 0, 'nothing came from history');
  };
}

testNodes('one node is cut off from Redis', oneNodeIsAlone('cut', LOCAL));
testNodes('one node gets no answer from Redis', oneNodeIsAlone('stall', LOCAL));
testNodes('one node is cut off from Redis and accepts nothing', oneNodeIsAlone('cut', CALM));

testNodes('the subscribing connections are killed again and again', async (workbench) => {
  const { redis, nodes } = await startNodes(workbench, { startBalancer: null });
  const ledger = await startLocalLoad(workbench, nodes, CHANNELS, CHANNELS);
  await acceptedEverywhere(ledger, nodes, 20);
  for (const round of [1, 2, 3]) {
    ledger.phase = `after kill ${round}`;
    const before = await sumOf(nodes, METRICS.reconnects);
    const killed = await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    assert.ok(killed >= nodes.length, `${killed} connections subscribe for ${nodes.length} nodes`);
    await metricIs(nodes, METRICS.reconnects, (count) => count > before);
    await ready(...nodes);
    await acceptedEverywhere(ledger, nodes, 20);
  }
  await ledger.judge(nodes[0].url, { hasHistory, mayBeLost: ({ phase }) => phase.startsWith('after kill') });
  for (const node of nodes) {
    const [lost, counted] = [missedAt(ledger, node).length, await metric(node, METRICS.missed)];
    assert.ok(lost <= counted, `at ${node.name} ${lost} are missing, and ${counted} are counted`);
  }
});
