// The lifestream of the article, with all of its programs: publishers with files, the server as hub, subscriber and page, a
// second hub like that of GNU social, browsers, and a plain client.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { TOKEN_SECRET } from '../application.mjs';
import { launchBrowser } from '../browser-client.mjs';
import { ask } from '../cluster/metrics.mjs';
import { freePort } from '../ports.mjs';
import { until } from '../cluster/waiting.mjs';
import { listed, live, shows, titles } from '../lifestream.mjs';
import { until as untilPage, WATCHDOG } from '../page-window.mjs';
import { OUR_SERVER, Server } from '../server.mjs';
import { Gate } from './gate.mjs';
import { SocialHub } from './social-hub.mjs';
import { StaticSite } from './static-site.mjs';

export const PUSH_SECRET = 'the-secret-of-the-publisher';
const API_KEY = 'the-key-of-the-operator-of-this-server';

/** The feeds, and which hubs they name. `root` is our hub by the address that the article has: without a path. */
export const FEEDS = {
  blog: ['ours'],
  code: ['root'],
  photos: ['ours', 'social'],
  microblog: ['social'],
};

/** The settings of a server at `publicUrl`. Nothing is polled. */
function settings({ site, publicUrl, store, extension }) {
  const feeds = Object.keys(FEEDS).map((name) => `[[feed]]\nname = "${name}"\nurl = "${site.url(name)}"\n`);
  return `
[server]
public_url = "${publicUrl}"
[store]
url = "${store}"
[hub]
enabled = true
topics = ["${site.origin}/"]
topic_networks = ["127.0.0.0/8"]
fetch_interval = "1ms"
[feeds]
poll = "never"
backup_poll = "never"
networks = ["127.0.0.0/8"]
[api]
key = "${API_KEY}"
[push]
secret = "${PUSH_SECRET}"
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"
[extensions]
files = [${extension ? `"${extension}"` : ''}]
private_addresses = true
${feeds.join('')}`;
}

export class Seed {
  #folder = mkdtempSync(join(tmpdir(), 'faye-seed-'));
  #browser;

  /** What went wrong in pages. */
  mistakes = [];

  /** The servers; hubs reach the first of them. */
  servers = [];

  /**
   * Starts everything but browsers, and waits until all subscriptions of the server are verified.
   *
   * @param size  the number of servers
   */
  async start(workbench, { size = 1, environment = {}, store = `sqlite:${this.#folder}/faye.db` } = {}) {
    workbench.atEnd(() => this.#browser?.close());
    workbench.atEnd(() => rmSync(this.#folder, { recursive: true }));
    const parts = { site: new StaticSite(), social: new SocialHub(), gate: new Gate() };
    for (const part of Object.values(parts)) {
      await part.start();
      workbench.atEnd(() => part.stop());
    }
    Object.assign(this, parts);
    const extension = join(this.#folder, 'gate.js');
    writeFileSync(extension, this.gate.extension);
    const origins = [];
    for (let place = 0; place < size; place += 1) origins.push(`http://127.0.0.1:${await freePort()}`);
    const [publicUrl] = origins;
    const hubs = { ours: `${publicUrl}/hub`, root: `${publicUrl}/`, social: this.social.url };
    for (const [name, named] of Object.entries(FEEDS)) {
      this.site.addFeed(name, `The ${name}`, named.map((hub) => hubs[hub]));
    }
    for (const origin of origins) {
      const server = new Server(environment, OUR_SERVER, settings({ site: this.site, publicUrl, store, extension }));
      // Its port is a part of its settings.
      server.url = `${origin}/faye`;
      this.servers.push(server);
      workbench.atEnd(() => server.discard());
      workbench.alsoShow(() => `--- the server at ${origin} wrote:\n${server.errorOutput}`);
      await server.start();
    }
    await until('all feeds are active', async () => {
      const feeds = await this.feeds();
      return feeds.length === Object.keys(FEEDS).length && feeds.every(({ state }) => state === 'active');
    });
    await until('both hubs push the photos', () => this.social.isVerified(this.site.url('photos')));
    // Our hub records a verification after the subscriber has confirmed it.
    const isOurs = (hubs) => hubs.some((hub) => hub !== 'social');
    await this.metricIs('faye_hub_subscriptions', Object.values(FEEDS).filter(isOurs).length);
    return this;
  }

  get server() { return this.servers[0]; }

  /** The feeds as operators see them. */
  async feeds() {
    const { feeds } = await this.#api('feeds');
    return feeds;
  }

  /** Has a feed read at once, as an operator does. */
  poll(name) { return this.#api(`feeds/${name}/poll`, 'POST'); }

  async #api(path, method = 'GET') {
    const headers = { authorization: `Bearer ${API_KEY}` };
    const response = await fetch(`${this.server.origin}/api/v1/${path}`, { method, headers });
    const text = await response.text();
    assert.ok(response.ok, `${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Tells our hub that a feed has changed, by the line of the article. */
  async ping(name) {
    const body = new URLSearchParams({ 'hub.mode': 'publish', 'hub.url': this.site.url(name) });
    const response = await fetch(`${this.server.origin}/`, { method: 'POST', body });
    assert.equal(response.status, 204, await response.text());
  }

  /** Writes an entry into the file of a feed and pings our hub. */
  async publish(name, title) {
    const entry = this.site.write(name, title);
    await this.ping(name);
    return entry;
  }

  /** Opens a window of another visitor, and waits until it is subscribed and has asked for what it may have missed. */
  async open({ origin = this.server.origin, ...options } = {}) {
    this.#browser ??= await launchBrowser();
    const context = await this.#browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => this.mistakes.push(String(error)));
    const hasScript = options.javaScriptEnabled !== false;
    const isCompletion = (response) => response.url().includes('/lifestream/entries?after=');
    const completed = hasScript && page.waitForResponse(isCompletion, WATCHDOG).then((response) => response.finished());
    await page.goto(`${origin}/lifestream`);
    await completed;
    if (hasScript) await live(page);
    return page;
  }

  /** The titles of the list for programs, newest first. */
  async titles() {
    const { entries } = await listed(this.server);
    return entries.map(({ entry }) => entry.title);
  }

  /** The events behind a number, oldest first. */
  async events(after) {
    const { entries, last } = await listed(this.server, `after=${after}&limit=200`);
    return { entries, last };
  }

  /** The number of the last event. */
  async last() { return (await listed(this.server, 'limit=1')).last; }

  /** The value of a metric of a server, 0 if it is not there. */
  async metric(name, server = this.server) {
    const { text } = await ask(server.origin, '/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line ? Number(line.slice(line.lastIndexOf(' ') + 1)) : 0;
  }

  metricIs(name, value) {
    return until(`${name} is ${value}`, async () => await this.metric(name) === value);
  }
}

/** Waits until a page shows an entry with this title, and fails if it shows it twice. */
export async function showsOnce(page, title) {
  await shows(page, title);
  assert.equal((await titles(page)).filter((shown) => shown === title).length, 1, title);
}

/** Waits until a page has lost its connection. */
export async function notices(page) {
  await page.waitForSelector('#state:not([data-state=connected])', WATCHDOG);
}

/** Waits until a page no longer shows an entry with this title. */
export async function loses(page, title) {
  await untilPage(page, (gone) => [...document.querySelectorAll('#stream > article h2')]
    .every((heading) => heading.textContent !== gone), title);
}
