#!/usr/bin/env node
// Measures what a freeze does to an instance with very many sessions. Two instances are joined by Redis; one has all the
// sessions, each with a subscription and without a connection. It is stopped (SIGSTOP) for longer than its lease, and
// continues. Its lease may expire once, and /readyz may fail once.
//
//   SESSIONS=500000   sessions
//   FROZEN=6          seconds
//   WATCHED=60        seconds after the freeze
//   FAYE_BIN=path     the binary [target/release/faye]

import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { metric, METRICS } from '../tests/compat/lib/cluster/metrics.mjs';
import { startNodes } from '../tests/compat/lib/cluster/nodes.mjs';
import { handshake, post, RawSocket, subscribe } from '../tests/compat/lib/cluster/raw.mjs';
import { Workbench } from '../tests/compat/lib/workbench.mjs';
import { resident } from './lib/measure.mjs';

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const [sessions, frozen, watched] = [number('SESSIONS', 500_000), number('FROZEN', 6), number('WATCHED', 60)];
const BATCH = 250;
const CONCURRENT = 8;
const PATIENCE = 500;

const ENVIRONMENT = {
  FAYE_SERVER__TIMEOUT: '10m',
  FAYE_LIMITS__SESSIONS: String(sessions + 1000),
  FAYE_LIMITS__UNCONNECTED_BY_ADDRESS: String(sessions + 1000),
  FAYE_LIMITS__UNCONNECTED_TIME: '1h',
  FAYE_LIMITS__MEMORY: '60%',
};

/** Opens sessions in batches: a handshake, then a connect that is answered at once, and a subscription. */
async function open(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  const shake = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };
  let left = sessions;
  const worker = async () => {
    while (left > 0) {
      const count = Math.min(BATCH, left);
      left -= count;
      const from = left;
      const opened = await post(url, Array(count).fill(shake), agent);
      const replies = await post(url, opened.flatMap(({ clientId }, at) => [
        { channel: '/meta/connect', clientId, connectionType: 'long-polling', advice: { timeout: 0 } },
        { channel: '/meta/subscribe', clientId, subscription: `/idle/${(from + at) % 1000}` },
      ]), agent);
      const failed = replies.find(({ successful }) => successful === false);
      if (failed) throw new Error(`not opened: ${JSON.stringify(failed)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  agent.destroy();
}

/** Notes each change of what `ask` returns, with the time of the change. */
function watch(ask) {
  const changes = [];
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      const state = await ask();
      if (state !== changes.at(-1)?.[1]) changes.push([performance.now(), state]);
      await sleep(20);
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
    return changes;
  };
}

async function readiness(node) {
  try {
    const response = await fetch(`${node.origin}/readyz`, { signal: AbortSignal.timeout(PATIENCE) });
    return response.ok ? 'ready' : (await response.text()).trim();
  } catch {
    return 'silent';
  }
}

const workbench = new Workbench();
try {
  const { redis, nodes: [node, other] } = await startNodes(workbench, { size: 2, environment: ENVIRONMENT, startBalancer: null });
  const before = resident(node);
  const begun = performance.now();
  await open(node.url);
  const took = (performance.now() - begun) / 1000;
  // A client of the instance with a WebSocket.
  const clientId = await handshake(node.url);
  const socket = await RawSocket.open(node.url);
  await socket.ask({ channel: '/meta/connect', clientId, connectionType: 'websocket', id: 'c', advice: { timeout: 0 } });
  await subscribe(node.url, clientId, '/probe');
  console.log(`${await metric(node, METRICS.sessions)} sessions opened in ${took.toFixed(0)} s; ` +
    `${before.toFixed(0)} MiB before, ${resident(node).toFixed(0)} MiB after`);
  await sleep(5_000);

  const [names] = [await redis.command('ZRANGE', 'faye:{nodes}', '0', '-1')];
  const lease = async () => {
    const scores = await Promise.all(names.map((name) => redis.command('ZSCORE', 'faye:{nodes}', name)));
    const [seconds, micros] = await redis.command('TIME');
    const now = Number(seconds) * 1000 + Number(micros) / 1000;
    return scores.map((score) => (score !== null && Number(score) >= now ? 'valid' : 'expired')).sort().join();
  };
  const [readinessOf, leases] = [watch(() => readiness(node)), watch(lease)];
  await sleep(2_000);
  const frozenAt = performance.now();
  node.signal('SIGSTOP');
  await sleep(1000 * frozen);
  node.signal('SIGCONT');
  const resumedAt = performance.now();
  const mark = socket.log.mark();
  await post(other.url, [{ channel: '/probe', data: 'after' }]);
  const arrived = socket.log.waitFor(({ channel }) => channel === '/probe', mark).then(() => performance.now() - resumedAt);
  await sleep(1000 * watched);
  const show = (changes) => changes.map(([at, state]) => `${((at - frozenAt) / 1000).toFixed(2)} s ${state}`).join(', ');
  console.log(`frozen from 0.00 to ${((resumedAt - frozenAt) / 1000).toFixed(2)} s`);
  console.log(`/readyz: ${show(await readinessOf())}`);
  console.log(`leases in Redis: ${show(await leases())}`);
  console.log(`publication after the freeze arrived ${(await Promise.race([arrived, sleep(1, Infinity)])).toFixed(0)} ms after it`);
  console.log(`log of the instance: ${node.errorOutput.split('\n').filter((line) => /WARN|ERROR|Redis/.test(line)).join('\n  ')}`);
  console.log(`sessions ${await metric(node, METRICS.sessions)}, fenced ${await metric(node, METRICS.fenced)}, ` +
    `${resident(node).toFixed(0)} MiB`);
} finally {
  await workbench.discard();
}
process.exit(0);
