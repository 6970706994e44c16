// The nodes, Redis and the proxies between them, for the rounds of ten seeds.

import { existsSync } from 'node:fs';

import { METRICS, metric, metricIs, ready } from '../cluster/metrics.mjs';
import { startRedis } from '../cluster/redis.mjs';
import { startSentinels } from '../cluster/sentinel.mjs';
import { startTcpProxy } from '../cluster/tcp-proxy.mjs';
import { until } from '../cluster/waiting.mjs';
import { startNode } from '../cluster/nodes.mjs';
import { TIMES } from './plan.mjs';
import { SECRET } from './publishers.mjs';

const milliseconds = (value) => `${value}ms`;

const ENVIRONMENT = {
  FAYE_SERVER__TIMEOUT: milliseconds(TIMES.timeout),
  FAYE_SERVER__DRAIN_TIMEOUT: '2s',
  FAYE_REDIS__HEARTBEAT: milliseconds(TIMES.heartbeat),
  FAYE_REDIS__LEASE: milliseconds(TIMES.lease),
  FAYE_REDIS__DEADLINE: milliseconds(TIMES.deadline),
  FAYE_REDIS__PROBE: '400ms',
  FAYE_REDIS__DRAIN_DELAY: '200ms',
  FAYE_REDIS__PATIENCE: '1s',
  FAYE_PUSH__SECRET: SECRET,
};

const SETTINGS = `
[[channel]]
match = "/h/**"
history = { messages = 10000, age = "1h" }

[[channel]]
match = "/s/**"
publish = "secret"

[[channel]]
match = "/**"
publish = "anyone"
subscribe = "anyone"
`;

/** Debian's package libfaketime. */
const FAKE_TIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'];

/** What makes a process see a clock that is wrong by so many seconds. Its monotonic clock is right. */
function withClock(offset) {
  if (!offset) return {};
  const library = FAKE_TIME.find(existsSync);
  if (!library) throw new Error('libfaketime is missing: run scripts/test-tools, or apt-get install libfaketime');
  return { LD_PRELOAD: library, FAKETIME: `${offset > 0 ? '+' : ''}${offset}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
}

/** @returns { nodes, proxies, redis(), failOver(), discard() }: `redis()` is the master at present */
export async function startCluster(workbench, { size, ack, sentinels, clocks = [] }) {
  const environment = { ...ENVIRONMENT, FAYE_REDIS__ACK: ack };
  let master;
  let urlOf;
  const cluster = { proxies: [], redis: () => master };
  if (sentinels) {
    const guarded = await startSentinels(workbench);
    master = guarded.master;
    urlOf = () => guarded.url;
    cluster.failOver = async () => {
      await guarded.failOver();
      master = await until('the sentinels agree on the master', guarded.current);
    };
  } else {
    master = await startRedis(workbench);
    for (let place = 0; place < size; place += 1) cluster.proxies.push(await startTcpProxy(workbench, master.port));
    urlOf = (place) => `redis://127.0.0.1:${cluster.proxies[place].port}`;
  }
  cluster.nodes = await Promise.all(Array.from({ length: size }, (_, place) =>
    startNode(workbench, `node ${place + 1}`, urlOf(place), { environment: { ...environment, ...withClock(clocks[place]) }, settings: SETTINGS })));
  await ready(...cluster.nodes);
  return cluster;
}

/**
 * Waits until no node has a session and Redis has none of these.
 *
 * @returns a function that says what is left, for when it takes too long
 */
export function nothingIsLeft(cluster, clientIds) {
  let keys = [];
  const isDone = (async () => {
    await metricIs(cluster.nodes, METRICS.sessions, (count) => count === 0);
    await metricIs(cluster.nodes, METRICS.subscriptions, (count) => count === 0);
    await until('Redis has no key of a session that ended', async () => {
      const all = [...await cluster.redis().keys()];
      // A mailbox that moved expires after a minute.
      keys = all.filter(([key, left]) => clientIds.some((clientId) => key.includes(clientId)) && !(key.endsWith(':export') && left <= 60_000));
      return keys.length === 0;
    });
    return true;
  })();
  isDone.catch(() => {});
  const describe = async () => {
    const counts = await Promise.all(cluster.nodes.map(async (node) => `${node.name}: ${await metric(node, METRICS.sessions)} sessions`));
    return [...counts, ...keys.map(([key, left]) => `${key} for ${left} ms`)].join(', ');
  };
  return { isDone, describe };
}
