#!/usr/bin/env node
// Measures what clients miss, and for how long, when their connections are cut or an instance is killed. Prints a table for
// docs/performance.md.
//
// drops: the connection of each client is cut every 3 to 5 s. Counts the messages delivered within 2 s, and in the end.
// cut:   all connections are cut at once. Measures the time until each client is back, and counts the messages missed.
// kill:  one of three instances is killed (SIGKILL); its clients reconnect to the others. The same figures.
//
// The clients are npm Faye's and this project's, with their default options or with `replay` or `ack`, half on WebSocket and half on long-polling. They
// subscribe to a channel with history and to one without. A publisher posts to both. The instances have their default
// settings; `joined` is three of them with Redis, behind HAProxy with deploy/haproxy.cfg.
//
//   WHAT=drops,cut,kill        measurements
//   SERVERS=npm,alone,joined   npm Faye's server (drops only), one instance, three instances (kill: these only)
//   CLIENTS=npm,ours           clients; also "ours with replay", "ours with ack"
//   TRANSPORTS=websocket,long-polling
//   DROPS=40 STORM=1000        number of clients
//   SECONDS_EACH=30 RATE=20    duration and messages per second of drops
//   ROUNDS=1                   rounds; the table contains medians
//   FAYE_BIN=path              the binary [target/release/faye]
//   SHOW=1                     also prints the pauses of clients

import { setTimeout as sleep } from 'node:timers/promises';

import { METRICS, sumOf } from '../tests/compat/lib/cluster/metrics.mjs';
import { SETTINGS, startNodes } from '../tests/compat/lib/cluster/nodes.mjs';
import { FAYES_SERVER, OUR_SERVER, startServer } from '../tests/compat/lib/server.mjs';
import { Workbench } from '../tests/compat/lib/workbench.mjs';
import { startLines } from './lib/lines.mjs';
import { median, quantile } from './lib/measure.mjs';
import { countOf, Publisher, WatchedClient } from './lib/watched.mjs';

const list = (name, otherwise) => (process.env[name] ?? otherwise).split(',');
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const transports = list('TRANSPORTS', 'websocket,long-polling');
const [dropped, stormed] = [number('DROPS', 40), number('STORM', 1000)];
const [seconds, rate, rounds] = [number('SECONDS_EACH', 30), number('RATE', 20), number('ROUNDS', 1)];
const isShowing = Boolean(process.env.SHOW);

const IN_TIME = 2_000;
const [LEAST, MOST] = [3_000, 5_000];
const STORM_RATE = 2;
/** How long what is late may take in the end. */
const SETTLE = 10_000;
const BACK = 60_000;
const [HISTORY, PLAIN] = ['/h/numbers', '/numbers'];
const CHANNELS = { history: HISTORY, 'no history': PLAIN };

/** The defaults, but for what one address may do. */
const ENVIRONMENT = {
  FAYE_SERVER__TIMEOUT: '25s',
  FAYE_MAILBOX__MESSAGES: undefined,
  FAYE_LIMITS__UNCONNECTED_BY_ADDRESS: '100000',
};

const starts = {
  npm: async (workbench) => {
    const server = await startServer({ FAYE_SERVER__TIMEOUT: '25s' }, FAYES_SERVER);
    workbench.atEnd(() => server.discard());
    return { url: server.url, nodes: [] };
  },
  alone: async (workbench) => {
    const server = await startServer(ENVIRONMENT, OUR_SERVER, SETTINGS);
    workbench.atEnd(() => server.discard());
    return { url: server.url, nodes: [server] };
  },
  joined: (workbench) => startNodes(workbench, { environment: ENVIRONMENT }),
};

const table = new Map();
function note(row, figures) {
  if (!table.has(row)) table.set(row, []);
  table.get(row).push(figures);
  console.error(row, JSON.stringify(figures));
}

async function openClients(kind, urls, count) {
  const clients = [];
  const open = async () => {
    const at = clients.length;
    const client = new WatchedClient(kind, urls[at % urls.length], transports[at % transports.length]);
    clients.push(client);
    for (const channel of Object.values(CHANNELS)) await client.subscribe(channel);
  };
  // Not all at the same time: the start is not what is measured.
  const worker = async () => {
    while (clients.length < count) await open();
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  await sleep(1_000);
  return clients;
}

function percents(clients, publisher) {
  const figures = {};
  for (const [name, channel] of Object.entries(CHANNELS)) {
    const { due, inTime, finally: all, unexplained } = countOf(clients, channel, publisher.sentAt, IN_TIME);
    figures[`${name}, due`] = due;
    figures[`${name}, within 2 s, %`] = (100 * inTime) / due;
    figures[`${name}, finally, %`] = (100 * all) / due;
    figures[`${name}, missed`] = due - all;
    figures[`${name}, missed, not sent within 250 ms of a cut`] = unexplained;
  }
  figures.twice = clients.reduce((sum, { twice }) => sum + twice, 0);
  figures['new sessions'] = clients.reduce((sum, { handshakes }) => sum + handshakes - 1, 0);
  return figures;
}

async function metricsOf(nodes, figures) {
  const living = nodes.filter(({ isKilled }) => !isKilled);
  if (!living[0]) return;
  for (const [name, metric] of [['moved', METRICS.moved], ['adopted', METRICS.adopted],
    ['unreachable', 'faye_cluster_forward_errors_total']]) figures[name] = await sumOf(living, metric);
}

function show(clients) {
  if (!isShowing) return;
  const reasons = new Map();
  for (const { pauses } of clients) {
    for (const [, reason, wait] of pauses) {
      if (!reasons.has(reason)) reasons.set(reason, []);
      reasons.get(reason).push(wait);
    }
  }
  for (const [reason, waits] of reasons) {
    console.error(`  ${waits.length} × ${reason}: p50 ${quantile(waits, 0.5)}, p99 ${quantile(waits, 0.99)}, max ${Math.max(...waits)} ms`);
  }
}

/** Prints the story of the clients that were back last. */
function showSlowest(clients, begun) {
  const since = (at) => `${((at - begun) / 1000).toFixed(2)} s`;
  for (const { transport, downAt, backAt, pauses } of clients.toSorted((one, other) => other.backAt - one.backAt).slice(0, 5)) {
    const story = pauses.filter(([at]) => at > begun).map(([at, reason, wait]) => `${since(at)} ${reason} (${wait} ms)`);
    console.error(`  ${transport}: down ${since(downAt)}, ${story.join(', ')}, back ${since(backAt)}`);
  }
}

async function drops(workbench, place, kind, server) {
  const lines = await startLines(server.url, dropped);
  workbench.atEnd(() => lines.stop());
  const clients = await openClients(kind, lines.urls, dropped);
  const publisher = new Publisher(server.url, Object.values(CHANNELS), rate).start();
  lines.cutEach(LEAST, MOST);
  await sleep(1000 * seconds);
  const cuts = await lines.calm();
  cuts.forEach((times, at) => { clients[at].cuts = times; });
  await publisher.stop();
  await sleep(SETTLE);
  for (const transport of transports) {
    const some = clients.filter((client) => client.transport === transport);
    const figures = { cuts: some.reduce((sum, client) => sum + client.cuts.length, 0), ...percents(some, publisher) };
    await metricsOf(server.nodes, figures);
    note(`drops, ${place}, ${kind}, ${transport}`, figures);
  }
  show(clients);
  return clients;
}

async function storm(workbench, place, kind, server, isKill) {
  const lines = isKill ? null : await startLines(server.url);
  if (lines) workbench.atEnd(() => lines.stop());
  const clients = await openClients(kind, lines?.urls ?? [server.url], stormed);
  const publisher = new Publisher(server.url, Object.values(CHANNELS), STORM_RATE).start();
  await sleep(3_000);
  for (const client of clients) client.expectLoss();
  const begun = performance.now();
  for (const client of clients) client.cuts = [begun];
  if (isKill) {
    server.nodes[0].isKilled = true;
    await server.nodes[0].crash();
  } else {
    lines.blink();
  }
  await sleep(5_000);
  const isBack = ({ downAt, backAt }) => downAt === null || backAt !== null;
  while (!clients.every(isBack) && performance.now() - begun < BACK) await sleep(100);
  await sleep(2_000);
  await publisher.stop();
  await sleep(SETTLE);
  const lost = clients.filter(({ downAt }) => downAt !== null);
  const times = lost.map(({ backAt }) => (backAt === null ? Infinity : (backAt - begun) / 1000));
  const figures = {
    lost: lost.length, 'back p50, s': quantile(times, 0.5), 'back p99, s': quantile(times, 0.99), 'back max, s': Math.max(...times),
    ...percents(clients, publisher),
  };
  if (isShowing) showSlowest(lost, begun);
  await metricsOf(server.nodes, figures);
  note(`${isKill ? 'kill' : 'cut'}, ${place}, ${kind}`, figures);
  show(clients);
  return clients;
}

const measurements = {
  drops,
  cut: (workbench, place, kind, server) => storm(workbench, place, kind, server, false),
  kill: (workbench, place, kind, server) => storm(workbench, place, kind, server, true),
};
const places = { drops: ['npm', 'alone', 'joined'], cut: ['alone', 'joined'], kill: ['joined'] };

async function measure(what, place, kind) {
  const workbench = new Workbench();
  let clients = [];
  try {
    clients = await measurements[what](workbench, place, kind, await starts[place](workbench));
  } finally {
    for (const { client } of clients) client.disconnect();
    await sleep(500);
    await workbench.discard();
  }
}

for (let round = 0; round < rounds; round += 1) {
  for (const what of list('WHAT', 'drops,cut,kill')) {
    for (const place of list('SERVERS', 'npm,alone,joined').filter((each) => places[what].includes(each))) {
      for (const kind of list('CLIENTS', 'npm,ours')) await measure(what, place, kind);
    }
  }
}
const shown = (value) => (Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(2));
for (const [row, all] of table) {
  console.log(`\n${row}\n\n| what | median | from | to |\n| --- | --- | --- | --- |`);
  for (const name of Object.keys(all[0])) {
    const values = all.map((figures) => figures[name]);
    console.log(`| ${name} | ${[median(values), Math.min(...values), Math.max(...values)].map(shown).join(' | ')} |`);
  }
}
process.exit(0);
