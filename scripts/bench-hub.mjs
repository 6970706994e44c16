#!/usr/bin/env node
// Measures the WebSub hub next to a bare loop: the same HTTP client, body, connections and callbacks, without a store and
// without signatures. Prints tables for docs/performance.md.
//
//   ROUNDS=3            rounds; the table contains medians
//   SUBSCRIBERS=10000   callbacks of one topic, on 64 loopback addresses
//   TOPICS=1000         topics with one subscriber each, all pinged once a second ...
//   STEADY=600          ... for so many seconds; 0 leaves this out
//   FAYE=path           the binary [target/release/faye]
//   CALLBACKS=path      the callbacks and the bare loop [target/release/examples/callbacks]

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Figures, OTHER_CORE, SERVER_CORE, freePort, pause, ready, resident, start, stopAll, used } from './lib/measure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const faye = resolve(process.env.FAYE ?? join(root, 'target/release/faye'));
const callbacks = resolve(process.env.CALLBACKS ?? join(root, 'target/release/examples/callbacks'));
const rounds = Number(process.env.ROUNDS ?? 3);
const subscribers = Number(process.env.SUBSCRIBERS ?? 10_000);
const topics = Number(process.env.TOPICS ?? 1_000);
const steady = Number(process.env.STEADY ?? 600);
const [ADDRESSES, SIZE, PER_HOST] = [64, 10_000, 4];
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

const address = (number) => `127.0.0.${(number % ADDRESSES) + 1}`;

async function firstLine(child) {
  const [line] = await once(createInterface(child.stdout), 'line');
  return line;
}

/** Returns the status and the text of a response. */
function ask(port, path, form) {
  return new Promise((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString();
    const headers = body && { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) };
    const sent = request({ host: '127.0.0.1', port, path, method: body ? 'POST' : 'GET', headers, agent }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function startHub(folder) {
  const port = await freePort();
  const child = start(SERVER_CORE, faye, ['--listen', `127.0.0.1:${port}`], {
    cwd: folder,
    env: {
      ...process.env,
      FAYE_SERVER__THREADS: '1', FAYE_LOG__LEVEL: 'warn',
      FAYE_SERVER__PUBLIC_URL: 'https://hub.example',
      FAYE_HUB__ENABLED: 'true', FAYE_HUB__POLICY: 'open', FAYE_HUB__RATE: '1000000/s',
      FAYE_HUB__PENDING_BY_HOST: '20000', FAYE_HUB__PENDING_BY_CLIENT: '20000', FAYE_HUB__MAX_PENDING: '20000', FAYE_HUB__FETCH_INTERVAL: '100ms',
      FAYE_HUB__TOPIC_NETWORKS: '127.0.0.0/8', FAYE_HUB__CALLBACK_NETWORKS: '127.0.0.0/8',
      FAYE_STORE__URL: `sqlite:${join(folder, 'faye.db')}`,
    },
  });
  child.stdout.resume();
  await ready(child, port);
  return { child, port };
}

async function metric(hub, name) {
  const { text } = await ask(hub.port, '/metrics');
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
}

async function reach(hub, name, value) {
  while (await metric(hub, name) < value) await pause(20);
}

const DELIVERED = 'faye_hub_deliveries_total{result="delivered"}';
const VERIFIED = 'faye_hub_verifications_total{result="verified"}';

/** Subscribes `count` callbacks, and waits until they are verified. */
async function subscribe(hub, port, count, topicOf, secret) {
  const before = await metric(hub, VERIFIED);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      const { status, text } = await ask(hub.port, '/hub', {
        'hub.mode': 'subscribe', 'hub.topic': topicOf(number),
        'hub.callback': `http://${address(number)}:${port}/callback/${number}`, ...(secret && { 'hub.secret': secret }),
      });
      if (status !== 202) throw new Error(`subscribe: ${status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
  await reach(hub, VERIFIED, before + count);
}

async function publish(hub, urls) {
  const { status, text } = await ask(hub.port, '/hub', [['hub.mode', 'publish'], ...urls.map((url) => ['hub.url', url])]);
  if (status !== 204) throw new Error(`publish: ${status} ${text}`);
}

const figures = new Figures();
const note = (name, value) => figures.note(name, value);

async function withHub(action) {
  const folder = mkdtempSync(join(tmpdir(), 'faye-bench-hub-'));
  try {
    const sink = start(OTHER_CORE, callbacks, ['serve', String(ADDRESSES), String(SIZE)]);
    const port = Number(await firstLine(sink));
    const hub = await startHub(folder);
    await action(hub, port);
  } finally {
    await stopAll();
    rmSync(folder, { recursive: true });
  }
}

/** Returns the deliveries that all callbacks have received. */
async function count(port) {
  return Number((await ask(port, '/count')).text);
}

/** Runs the bare loop; microseconds of CPU for a delivery. */
async function bare(port) {
  const words = ['post', ADDRESSES, SIZE, port, subscribers, PER_HOST].map(String);
  const [cost, seconds] = (await firstLine(start(SERVER_CORE, callbacks, words))).split(' ').map(Number);
  note('bare loop: deliveries per second', subscribers / seconds);
  return cost;
}

async function storm(secret) {
  const kind = secret ? 'signed' : 'unsigned';
  await withHub(async (hub, port) => {
    const topic = `http://127.0.0.1:${port}/topic`;
    let [cpu, begin] = [used(hub.child), performance.now()];
    await subscribe(hub, port, subscribers, () => topic, secret);
    note('subscribe and verify: CPU, µs', (used(hub.child) - cpu) / subscribers);
    note('subscribe and verify: per second', subscribers * 1000 / (performance.now() - begin));
    // The first ping opens connections and fills caches; the second one counts.
    for (const isCounted of [false, true]) {
      const floor = await bare(port);
      const [before, received] = [await metric(hub, DELIVERED), await count(port)];
      [cpu, begin] = [used(hub.child), performance.now()];
      await publish(hub, [topic]);
      // The callbacks are on the other core, so that this costs the hub nothing.
      while (await count(port) < received + subscribers) await pause(10);
      await reach(hub, DELIVERED, before + subscribers);
      const cost = (used(hub.child) - cpu) / subscribers;
      if (!isCounted) continue;
      note(`bare loop: CPU for a delivery, µs`, floor);
      note(`hub, ${kind}: CPU for a delivery, µs`, cost);
      note(`hub, ${kind}: times the bare loop of the same round`, cost / floor);
      note(`hub, ${kind}: deliveries per second`, subscribers * 1000 / (performance.now() - begin));
    }
    note(`hub, ${kind}: memory, MiB`, resident(hub.child));
  });
}

async function stay() {
  await withHub(async (hub, port) => {
    const urls = Array.from({ length: topics }, (_, number) => `http://${address(number)}:${port}/topic/${number}`);
    await subscribe(hub, port, topics, (number) => urls[number]);
    const begin = performance.now();
    const cpu = used(hub.child);
    const before = await metric(hub, DELIVERED);
    for (let second = 1; second <= steady; second += 1) {
      for (let from = 0; from < topics; from += 100) await publish(hub, urls.slice(from, from + 100));
      await pause(Math.max(0, begin + second * 1000 - performance.now()));
      if (second === 60) note('steady: memory after one minute, MiB', resident(hub.child));
    }
    const seconds = (performance.now() - begin) / 1000;
    note(`steady: memory after ${(seconds / 60).toFixed(1)} minutes, MiB`, resident(hub.child));
    note('steady: deliveries per second', (await metric(hub, DELIVERED) - before) / seconds);
    note('steady: CPU, % of a core', (used(hub.child) - cpu) / seconds / 1e4);
  });
}

try {
  for (let round = 0; round < rounds; round += 1) {
    await storm();
    await storm('a secret of the subscription');
  }
  if (steady > 0) await stay();
} finally {
  await stopAll();
}
figures.print();
process.exit(0);
