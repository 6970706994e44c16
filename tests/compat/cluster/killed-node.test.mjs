// A node dies at once, while clients publish and listen: others adopt its sessions, and history fills the gap.

import assert from 'node:assert/strict';

import { openLedger } from '../lib/cluster/ledger.mjs';
import { addListeners, addStream, byPost, bySocket } from '../lib/cluster/load.mjs';
import { METRICS, metricIs, ready, sumOf } from '../lib/cluster/metrics.mjs';
import { CALM, hasHistory, QUICK, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll } from '../lib/cluster/raw.mjs';

const PATTERNS = ['/h/**'];
const CHANNELS = ['/h/a', '/h/b'];

/** What was sent within the last heartbeat before the crash, and some more. */
const JUST_BEFORE = 'just before the crash';

testNodes('a node is killed under load', async (workbench) => {
  const { nodes, url, balancer } = await startNodes(workbench, { environment: QUICK });
  const ledger = openLedger(workbench);
  await addListeners(workbench, ledger, url, PATTERNS);
  await addStream(workbench, ledger, url, PATTERNS);
  ledger.startPublisher('by post', CHANNELS, byPost(workbench, url));
  ledger.startPublisher('by socket', CHANNELS, bySocket(workbench, url));
  await ledger.accepted(60);
  await ledger.everybodyHasWhatWasAccepted();

  const sessions = await Promise.all(nodes.map((node) => sumOf([node], METRICS.sessions)));
  const place = sessions.indexOf(Math.max(...sessions));
  const survivors = nodes.filter((_node, other) => other !== place);
  ledger.phase = JUST_BEFORE;
  // More than a heartbeat: what is published in the phase before was told to Redis by then.
  await ledger.accepted(200);
  await nodes[place].crash();

  ledger.phase = 'after the crash';
  await ledger.accepted(200);
  await metricIs(survivors, METRICS.adopted, (count) => count > 0);
  ledger.phase = 'after the node is back';
  await nodes[place].start();
  await ready(...nodes);
  await balancer.seesReady(0, 1, 2);
  await ledger.accepted(60);
  await ledger.judge(url, { hasHistory, mayArriveTwice: ({ phase }) => phase === JUST_BEFORE });
});

testNodes('two of three nodes are killed at once', async (workbench) => {
  const { nodes, url } = await startNodes(workbench, { environment: QUICK });
  const ledger = openLedger(workbench);
  await addListeners(workbench, ledger, url, PATTERNS);
  ledger.startPublisher('by post', CHANNELS, byPost(workbench, url));
  await ledger.accepted(60);
  await ledger.everybodyHasWhatWasAccepted();
  ledger.phase = JUST_BEFORE;
  await ledger.accepted(100);
  await Promise.all([nodes[0].crash(), nodes[2].crash()]);
  ledger.phase = 'after the crash';
  await ledger.accepted(100);
  await ledger.judge(url, { hasHistory, mayArriveTwice: ({ phase }) => phase === JUST_BEFORE });
  assert.equal(await sumOf([nodes[1]], METRICS.sessions) >= 4, true, 'the survivor has everybody');
});

testNodes('clients of a killed node that wait for the end of its lease cost Redis little', async (workbench) => {
  const environment = { ...CALM, FAYE_REDIS__LEASE: '4s' };
  const { redis, nodes: [killed, survivor] } = await startNodes(workbench, { size: 2, environment, startBalancer: null });
  const clients = await Promise.all(Array.from({ length: 20 }, () => handshake(killed.url)));
  await Promise.all(clients.map((client) => poll(killed.url, client)));
  const requests = async () => Number(/cmdstat_spublish:calls=(\d+)/.exec(await redis.command('INFO', 'commandstats'))?.[1] ?? 0);
  await killed.crash();
  const before = await requests();
  const replies = await Promise.all(clients.map((client) => poll(survivor.url, client, { timeout: 0 })));
  assert.deepEqual(replies.map(([{ successful, error }]) => successful || error), clients.map(() => true));
  const each = (await requests() - before) / clients.length;
  // One every 100 ms would be 40.
  assert.ok(each <= 15, `${each} requests to the dead node for each client`);
});
