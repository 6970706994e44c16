#!/usr/bin/env node
// Measures feeds: the time from a ping to the page of a browser, entries ingested a second, the memory of many feeds and
// the cost of a poll round. Prints a table for docs/performance.md.
//
//   PINGS=300      pings of the local hub, one after another
//   ENTRIES=20000  entries of notifications with 100 entries each, and a tenth of that with one entry each
//   FEEDS=10000    feeds that are polled once a minute
//   ROUNDS=3       poll rounds without a change
//   FAYE=path      the binary [target/release/faye]

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launchBrowser } from '../tests/compat/lib/browser-client.mjs';
import {
  Figures, SERVER_CORE, freePort, median, pause, quantile, ready, resident, start, stopAll, used,
} from './lib/measure.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const faye = resolve(process.env.FAYE ?? join(root, 'target/release/faye'));
const pings = Number(process.env.PINGS ?? 300);
const entries = Number(process.env.ENTRIES ?? 20_000);
const feeds = Number(process.env.FEEDS ?? 10_000);
const rounds = Number(process.env.ROUNDS ?? 3);
/** The feeds and the hub are on so many loopback addresses, which are so many hosts. */
const ADDRESSES = 64;
const [DOCUMENT, BATCH] = [20, 100];
const MINUTE = 60_000;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const figures = new Figures();

const TEXT = '<p>A paragraph with a <a href="/link">link</a>, some <em>emphasis</em> and enough words to be a short note.</p>'.repeat(4)
  .replaceAll('<', '&lt;');

function entry(feed, number) {
  const time = new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString();
  return `<entry><id>tag:${feed},${number}</id><title>Entry ${number}</title><link href="http://127.0.0.1/${feed}/${number}"/>`
    + `<published>${time}</published><updated>${time}</updated><content type="html">${TEXT}</content></entry>`;
}

/** An Atom document with the `count` entries that end with `last`, newest first. */
function atom(feed, last, count, links = '') {
  const written = Array.from({ length: Math.min(count, last) }, (_, index) => entry(feed, last - index));
  return `<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><id>tag:${feed}</id><title>${feed}</title>${
    links}<updated>2026-01-01T00:00:00Z</updated>${written.join('')}</feed>`;
}

/** Sends a request; returns status and text. */
function ask(port, method, path, headers = {}, body = '') {
  return new Promise((resolve, reject) => {
    const length = { 'Content-Length': Buffer.byteLength(body) };
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { ...headers, ...length }, agent }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, text });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Serves `answer(path, headers, body)`, which returns status, headers and body. */
async function serve(answer) {
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    const [status, headers, text] = answer(incoming.url, incoming.headers, body);
    response.writeHead(status, headers);
    response.end(text);
  }).listen(0, '0.0.0.0');
  await once(server, 'listening');
  return server;
}

async function withServer(settings, action) {
  const folder = mkdtempSync(join(tmpdir(), 'faye-bench-feeds-'));
  try {
    const port = await freePort();
    const file = join(folder, 'faye.toml');
    writeFileSync(file, `[server]\nlisten = "127.0.0.1:${port}"\npublic_url = "http://127.0.0.1:${port}"\nthreads = 1\n`
      + `[log]\nlevel = "warn"\n[store]\nurl = "sqlite:${join(folder, 'faye.db')}"\n[api]\nkey = "a-key-of-thirty-two-characters-or-more"\n${settings}`);
    const child = start(SERVER_CORE, faye, ['--config', file], { cwd: folder });
    child.stdout.resume();
    await ready(child, port);
    return await action({ child, port });
  } finally {
    await stopAll();
    rmSync(folder, { recursive: true });
  }
}

/** The sum of a metric over its labels, of the lines that contain `label`. */
async function metric({ port }, name, label = '') {
  const { text } = await ask(port, 'GET', '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(label));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

async function reach(server, name, label, value) {
  while (await metric(server, name, label) < value) await pause(20);
}

const ATOM = { 'Content-Type': 'application/atom+xml' };
const FOLLOWED = '[feeds]\nnetworks = ["127.0.0.0/8"]\npoll = "never"\nbackup_poll = "never"\nrate = "1000000/s"\n';

/** Milliseconds from the ping of a feed of the local hub to the entry in the page of a browser. */
async function pingToBrowser() {
  let [last, links] = [DOCUMENT, ''];
  const site = await serve(() => [200, ATOM, atom('blog', last, DOCUMENT, links)]);
  const url = `http://127.0.0.1:${site.address().port}/blog.xml`;
  const hub = '[hub]\nenabled = true\npolicy = "open"\ntopic_networks = ["127.0.0.0/8"]\nfetch_interval = "100ms"\nrate = "1000000/s"\n';
  await withServer(`${hub}${FOLLOWED}[[feed]]\nname = "blog"\nurl = "${url}"\n`, async (server) => {
    links = `<link rel="self" href="${url}"/><link rel="hub" href="http://127.0.0.1:${server.port}/hub"/>`;
    const { status, text } = await ask(server.port, 'POST', '/api/v1/feeds/blog/poll', { Authorization: 'Bearer a-key-of-thirty-two-characters-or-more' });
    if (status >= 300) throw new Error(`poll: ${status} ${text}`);
    await reach(server, 'faye_feeds', 'state="active"', 1);
    const browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.port}/lifestream`);
    await page.waitForSelector('#state[data-state=connected]');
    await page.evaluate(() => {
      window.seen = {};
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) {
          for (const node of addedNodes) {
            const title = node.querySelector?.('h2')?.textContent;
            if (title) window.seen[title] = performance.timeOrigin + performance.now();
          }
        }
      }).observe(document.querySelector('#stream'), { childList: true });
    });
    const times = [];
    for (let ping = 0; ping < pings; ping += 1) {
      // The hub fetches a topic at most once in 100 ms.
      await pause(150);
      last += 1;
      const begin = performance.timeOrigin + performance.now();
      const form = new URLSearchParams({ 'hub.mode': 'publish', 'hub.url': url }).toString();
      const answer = await ask(server.port, 'POST', '/hub', { 'Content-Type': 'application/x-www-form-urlencoded' }, form);
      if (answer.status !== 204) throw new Error(`publish: ${answer.status} ${answer.text}`);
      const shown = await page.waitForFunction((title) => window.seen[title], `Entry ${last}`, { polling: 5 });
      times.push(await shown.jsonValue() - begin);
    }
    await browser.close();
    figures.note('ping to browser: median, ms', median(times));
    figures.note('ping to browser: 99 of 100, ms', quantile(times, 0.99));
  });
  site.close();
}

/** Entries that a hub pushes, in signed notifications of `batch` entries, eight notifications at a time. */
async function ingest(batch, count) {
  const callbacks = new Map();
  const names = Array.from({ length: 8 }, (_, number) => `feed-${number}`);
  const site = await serve((path, _headers, body) => {
    if (path !== '/hub') {
      const name = path.slice(1, -4);
      const origin = `http://127.0.0.1:${site.address().port}`;
      return [200, ATOM, atom(name, 0, 0, `<link rel="self" href="${origin}${path}"/><link rel="hub" href="${origin}/hub"/>`)];
    }
    const form = new URLSearchParams(body);
    const [callback, topic] = [new URL(form.get('hub.callback')), form.get('hub.topic')];
    callbacks.set(/feed-\d/.exec(topic)[0], { path: callback.pathname, secret: form.get('hub.secret') });
    const verify = new URLSearchParams({ 'hub.mode': 'subscribe', 'hub.topic': topic, 'hub.challenge': 'c', 'hub.lease_seconds': '864000' });
    ask(Number(callback.port), 'GET', `${callback.pathname}?${verify}`);
    return [202, {}, ''];
  });
  const origin = `http://127.0.0.1:${site.address().port}`;
  const followed = names.map((name) => `[[feed]]\nname = "${name}"\nurl = "${origin}/${name}.xml"\n`).join('');
  await withServer(`${FOLLOWED}${followed}`, async (server) => {
    await reach(server, 'faye_feeds', 'state="active"', names.length);
    const notifications = Array.from({ length: count / batch }, (_, number) => {
      const name = names[number % names.length];
      const body = atom(name, (Math.floor(number / names.length) + 1) * batch, batch);
      const { path, secret } = callbacks.get(name);
      return { path, body, signature: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
    });
    const [begin, cpu] = [performance.now(), used(server.child)];
    let next = 0;
    const work = async () => {
      while (next < notifications.length) {
        const { path, body, signature } = notifications[next];
        next += 1;
        const { status, text } = await ask(server.port, 'POST', path, { ...ATOM, 'X-Hub-Signature': signature }, body);
        if (status >= 300) throw new Error(`notification: ${status} ${text}`);
      }
    };
    await Promise.all(names.map(work));
    await reach(server, 'faye_feed_publications_total', 'result="published"', count);
    const kind = batch === 1 ? '1 entry' : `${batch} entries`;
    figures.note(`notifications of ${kind}: entries per second`, count * 1000 / (performance.now() - begin));
    figures.note(`notifications of ${kind}: CPU for an entry, µs`, (used(server.child) - cpu) / count);
  });
  site.close();
}

/** The memory of many feeds, and the CPU time of the first fetch and of polls without a change. */
async function pollRounds() {
  const document = (name) => atom(name, DOCUMENT, DOCUMENT);
  const site = await serve((path, { 'if-none-match': seen }) => (
    seen === '"1"' ? [304, { ETag: '"1"' }, ''] : [200, { ...ATOM, ETag: '"1"' }, document(path.slice(1, -4))]
  ));
  const { port } = site.address();
  const followed = Array.from({ length: feeds }, (_, number) => `[[feed]]\nname = "f${number}"\n`
    + `url = "http://127.0.0.${number % ADDRESSES + 1}:${port}/f${number}.xml"\npoll = "1m"\nhub = "none"\n`).join('');
  await withServer(FOLLOWED, async ({ child }) => figures.note('memory without feeds, MiB', resident(child)));
  await withServer(`${FOLLOWED}${followed}`, async (server) => {
    const polls = () => metric(server, 'faye_feed_polls_total');
    let cpu = used(server.child);
    await reach(server, 'faye_feed_polls_total', '', feeds);
    figures.note(`first fetch of a feed with ${DOCUMENT} entries: CPU, µs`, (used(server.child) - cpu) / feeds);
    figures.note(`memory after the first round of ${feeds} feeds, MiB`, resident(server.child));
    for (let round = 0; round < rounds; round += 1) {
      const before = await polls();
      cpu = used(server.child);
      await pause(MINUTE);
      const count = await polls() - before;
      figures.note('polls without a change in a minute', count);
      figures.note('poll without a change: CPU, µs', (used(server.child) - cpu) / count);
    }
    figures.note(`memory after ${rounds} more rounds, MiB`, resident(server.child));
  });
  site.close();
}

try {
  if (pings > 0) await pingToBrowser();
  if (entries > 0) {
    await ingest(BATCH, entries);
    await ingest(1, entries / 10);
  }
  if (feeds > 0) await pollRounds();
} finally {
  await stopAll();
}
figures.print();
process.exit(0);
