#!/usr/bin/env node
// Measures the cost of a cluster: an instance with Redis compared with the same instance without. Prints a table for
// docs/performance.md.
//
//   ROUNDS=3        rounds; the table contains medians
//   SECONDS_EACH=4  duration of each measurement
//   FAYE=path       the binary [target/release/faye]

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { handshake, RawSocket, subscribe } from '../tests/compat/lib/cluster/raw.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const faye = process.env.FAYE ?? join(root, 'target/release/faye');
const rounds = Number(process.env.ROUNDS ?? 3);
const seconds = process.env.SECONDS_EACH ?? '4';
const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK']));
const [SERVER_CORE, OTHER_CORE] = ['0', '1'];
const running = [];

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
const median = (values) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function start(core, program, words, environment = {}) {
  const child = spawn('taskset', ['-c', core, program, ...words], {
    env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  running.push(child);
  return child;
}

async function stop(child) {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function startRedis() {
  const port = await freePort();
  start(OTHER_CORE, 'redis-server', ['--port', String(port), '--save', '', '--appendonly', 'no']);
  return port;
}

async function startNode(core, redis) {
  const port = await freePort();
  const child = start(core, faye, ['--listen', `127.0.0.1:${port}`], {
    FAYE_SERVER__THREADS: '1', FAYE_LOG__LEVEL: 'error',
    ...(redis && { FAYE_REDIS__URL: `redis://127.0.0.1:${redis}` }),
  });
  const origin = `http://127.0.0.1:${port}`;
  for (;;) {
    try {
      if ((await fetch(`${origin}/readyz`)).ok) return { child, url: `${origin}/faye` };
    } catch {
      // Not yet.
    }
    await pause(50);
  }
}

function bench(node, ...words) {
  const { stdout } = spawnSync('taskset', ['-c', OTHER_CORE, faye, 'bench', ...words, '--url', node.url, '--pid',
    String(node.child.pid), '--json', '--seconds', seconds, '--warmup', '1'], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

/** Microseconds of CPU that a process has used. */
function used({ pid }) {
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(words[11]) + Number(words[12])) * 1e6 / CLOCK_TICKS;
}

function commands(port) {
  const text = execFileSync('redis-cli', ['-p', String(port), 'info', 'commandstats'], { encoding: 'utf8' });
  return Object.fromEntries([...text.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]));
}

async function metric(node, name) {
  const text = await (await fetch(`${new URL(node.url).origin}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `)).split(' ')[1]);
}

async function connect(node) {
  const clientId = await handshake(node.url);
  const socket = await RawSocket.open(node.url);
  await socket.ask({ channel: '/meta/connect', clientId, connectionType: 'websocket', id: 'c', advice: { timeout: 0 } });
  return { clientId, socket };
}

/** Returns the latency in milliseconds from a publication at one instance to its arrival at another, sequentially. */
async function latency(from, to) {
  const publisher = await RawSocket.open(from.url);
  const { clientId, socket } = await connect(to);
  await subscribe(to.url, clientId, '/latency');
  const took = [];
  for (let number = 0; number < 3000; number += 1) {
    const mark = socket.log.mark();
    const sent = performance.now();
    publisher.send({ channel: '/latency', data: number });
    await socket.log.waitFor(({ channel }) => channel === '/latency', mark);
    if (number >= 1000) took.push(performance.now() - sent);
  }
  publisher.close();
  socket.close();
  took.sort((one, other) => one - other);
  return { middle: took[took.length / 2], late: took[Math.floor(took.length * 0.99)] };
}

/** Returns the partition of a channel, with the hash of the server (src/bayeux/lane.rs). */
function laneOf(channel) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(channel)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return Number(((hash >> 32n) ^ hash) & 0xffn) % 64;
}

/** Returns the CPU time of an instance for each received publication without a subscriber there. */
async function unneeded(from, to) {
  let other = 0;
  while (laneOf(`/unneeded/${other}`) !== laneOf('/bench')) other += 1;
  const { clientId, socket } = await connect(to);
  await subscribe(to.url, clientId, `/unneeded/${other}`);
  const [before, received] = [used(to.child), await metric(to, 'faye_cluster_received_total')];
  bench(from, 'fanout', '--channel', '/bench', '--subscribers', '1', '--window', '8');
  const count = await metric(to, 'faye_cluster_received_total') - received;
  const cost = (used(to.child) - before) / count;
  socket.close();
  return cost;
}

const figures = {};
const note = (name, value) => (figures[name] ??= []).push(value);

async function round() {
  for (const isJoined of [false, true]) {
    const kind = isJoined ? 'joined' : 'alone';
    const redis = isJoined ? await startRedis() : null;
    const node = await startNode(SERVER_CORE, redis);
    const pairs = bench(node, 'pairs', '--pairs', '100', '--window', '4');
    note(`${kind}: publications a second, 100 pairs`, pairs.publications_per_second ?? pairs.deliveries_per_second);
    note(`${kind}: CPU of the node for each, us`, pairs.cpu_us_per_delivery);
    const before = isJoined && { ...commands(redis), published: await metric(node, 'faye_cluster_published_total') };
    const single = bench(node, 'fanout', '--subscribers', '100', '--window', '1');
    if (isJoined) {
      const after = { ...commands(redis), published: await metric(node, 'faye_cluster_published_total') };
      note('joined: commands for a publication, one under way', (after.evalsha - before.evalsha) / (after.published - before.published));
    }
    note(`${kind}: 1 to 100, one under way, CPU for a delivery, us`, single.cpu_us_per_delivery);
    const many = bench(node, 'fanout', '--subscribers', '1000', '--window', '4');
    note(`${kind}: 1 to 1,000, four under way, CPU for a delivery, us`, many.cpu_us_per_delivery);
    const here = await latency(node, node);
    note(`${kind}: from a publication to its arrival, median, ms`, here.middle);
    note(`${kind}: the same, p99, ms`, here.late);
    if (isJoined) {
      const other = await startNode(OTHER_CORE, redis);
      const there = await latency(node, other);
      note('joined: to a subscriber at another node, median, ms', there.middle);
      note('joined: the same, p99, ms', there.late);
      note('joined: CPU of a node for a publication that it hears and does not need, us', await unneeded(node, other));
    }
    for (const child of running.splice(0)) await stop(child);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'faye-bench-'));
process.chdir(folder);
try {
  for (let count = 0; count < rounds; count += 1) await round();
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}
console.log('| what | median | from | to |\n| --- | --- | --- | --- |');
for (const [name, values] of Object.entries(figures)) {
  const shown = (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2));
  console.log(`| ${name} | ${shown(median(values))} | ${shown(Math.min(...values))} | ${shown(Math.max(...values))} |`);
}
process.exit(0);
