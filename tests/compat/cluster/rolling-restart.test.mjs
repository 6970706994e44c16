// Every node is replaced, one after the other, while clients publish and listen: nothing is lost, nothing comes twice,
// nobody begins anew.

import assert from 'node:assert/strict';

import { openLedger } from '../lib/cluster/ledger.mjs';
import { addListeners, addStream, startPublishers } from '../lib/cluster/load.mjs';
import { ask, METRICS, notReady, ready, sumOf } from '../lib/cluster/metrics.mjs';
import { CALM, hasHistory, startNode, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, post } from '../lib/cluster/raw.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';

const PATTERNS = ['/h/**', '/n/*'];
const CHANNELS = ['/h/a', '/h/b', '/n/a'];

testNodes('a rolling restart under load', async (workbench) => {
  const { nodes, balancer, url } = await startNodes(workbench);
  const ledger = openLedger(workbench);
  await addListeners(workbench, ledger, url, PATTERNS);
  await addStream(workbench, ledger, url, PATTERNS);
  await startPublishers(workbench, ledger, url, CHANNELS);
  await ledger.accepted(60);

  let moved = 0;
  for (const [place, node] of nodes.entries()) {
    ledger.phase = `while ${node.name} leaves`;
    moved += await sumOf([node], METRICS.sessions);
    await node.stop();
    await balancer.seesReady(...[0, 1, 2].filter((other) => other !== place));
    await ledger.accepted(60);
    ledger.phase = `while ${node.name} comes`;
    await node.start();
    await ready(node);
    await balancer.seesReady(...nodes.keys());
    await ledger.accepted(60);
  }
  assert.ok(moved > 0, 'no node had a session that could move');
  await ledger.judge(url, { hasHistory });
});

testNodes('a leaving node is not ready at once, and works on until the balancer has seen that', async (workbench) => {
  const redis = await startRedis(workbench);
  const node = await startNode(workbench, 'the node', redis.url, {
    environment: { ...CALM, FAYE_REDIS__DRAIN_DELAY: '5s' },
  });
  await ready(node);
  const stopped = node.stop();
  await notReady(node);
  assert.equal((await ask(node.origin, '/healthz')).status, 200);
  const clientId = await handshake(node.url);
  const [reply] = await post(node.url, [{ channel: '/n/late', data: 'late', clientId }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
  await stopped;
});
