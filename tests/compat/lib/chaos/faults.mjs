// Carries out the faults of a plan, and records for each from when to when it had an effect: until the nodes are ready
// again.

import { setTimeout as pause } from 'node:timers/promises';

import { ask, METRICS, metric } from '../cluster/metrics.mjs';
import { until } from '../cluster/waiting.mjs';

/** How each fault begins, and how it ends. `cluster` is as cluster.mjs makes it. */
const KINDS = {
  kill: { begin: ({ nodes }, { node }) => nodes[node].crash(), end: ({ nodes }, { node }) => nodes[node].start() },
  stop: { begin: ({ nodes }, { node }) => nodes[node].stop(), end: ({ nodes }, { node }) => nodes[node].start() },
  freeze: {
    begin: ({ nodes }, { node }) => nodes[node].signal('SIGSTOP'),
    end: ({ nodes }, { node }) => nodes[node].signal('SIGCONT'),
  },
  cut: { begin: ({ proxies }, { node }) => proxies[node].cut(), end: ({ proxies }, { node }) => proxies[node].heal() },
  silence: { begin: ({ proxies }, { node }) => proxies[node].stall(), end: ({ proxies }, { node }) => proxies[node].heal() },
  slow: {
    begin: ({ proxies }, { node, delay }) => proxies[node].delay(delay),
    end: ({ proxies }, { node }) => proxies[node].delay(0),
  },
  pause: { begin: ({ redis }, { for: time }) => redis().command('CLIENT', 'PAUSE', time, 'ALL'), end: () => {} },
  stall: { begin: ({ redis }) => redis().stall(), end: ({ redis }) => redis().resume() },
  'kill-pubsub': { begin: ({ redis }) => redis().command('CLIENT', 'KILL', 'TYPE', 'pubsub'), end: () => {} },
  'kill-commands': { begin: ({ redis }) => redis().command('CLIENT', 'KILL', 'TYPE', 'normal'), end: () => {} },
  flush: { begin: ({ redis }) => redis().command('FLUSHALL'), end: () => {} },
  crash: { begin: ({ redis }) => redis().crash(), end: ({ redis }) => redis().start() },
  'memory-full': {
    begin: ({ redis }) => redis().command('CONFIG', 'SET', 'maxmemory', '1'),
    end: ({ redis }) => redis().command('CONFIG', 'SET', 'maxmemory', '0'),
  },
  failover: { begin: ({ failOver }) => failOver(), end: () => {} },
};
KINDS['freeze-long'] = KINDS.freeze;

async function isReady(node) {
  try {
    return (await ask(node.origin, '/readyz')).status === 200 && await metric(node, METRICS.redisUp) === 1;
  } catch {
    return false;
  }
}

/** Waits until the nodes are ready and each has a Pub/Sub connection. */
export async function recovered(cluster, nodes = cluster.nodes) {
  await until('the nodes are ready after a fault', async () => (await Promise.all(nodes.map(isReady))).every(Boolean));
  await until('each node subscribes', async () => {
    const list = await cluster.redis().command('CLIENT', 'LIST', 'TYPE', 'pubsub').catch(() => '');
    return list.trim().split('\n').filter(Boolean).length >= cluster.nodes.length;
  });
}

/**
 * Carries out one fault at its time.
 *
 * @param world  { cluster, now() }
 * @returns its record: { kind, node, from, healed, to }
 */
export async function carryOut(world, fault, faults) {
  await pause(Math.max(0, fault.at - world.now()));
  const { begin, end } = KINDS[fault.kind];
  const { cluster } = world;
  const record = { ...fault, node: fault.node ?? null, from: world.now(), healed: null, to: null };
  faults.push(record);
  await begin(cluster, fault);
  record.begun = world.now();
  if (fault.for) await pause(fault.for);
  await end(cluster, fault);
  record.healed = world.now();
}
