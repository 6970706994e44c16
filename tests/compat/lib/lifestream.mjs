// A server that follows feeds, the site that has them, and windows on its page.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import * as net from 'node:net';

import { launchBrowser } from './browser-client.mjs';
import { listen } from './page-files.mjs';
import { until, WATCHDOG } from './page-window.mjs';
import { startServer } from './server.mjs';

const escape = (text) => String(text).replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const START = Date.parse('2026-01-01T00:00:00Z');
const MINUTE = 60_000;

/** A picture for entries. */
export const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 500" width="800" height="500">'
  + '<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#c3d3de"/><stop offset=".6" stop-color="#ece6da"/>'
  + '<stop offset="1" stop-color="#8fa3ad"/></linearGradient></defs><rect width="800" height="500" fill="url(#g)"/>'
  + '<circle cx="560" cy="165" r="44" fill="#fff6df" opacity=".9"/>'
  + '<path d="M0 360 Q200 330 400 356 T800 340 V500 H0Z" fill="#7b8f99" opacity=".75"/>'
  + '<path d="M120 300h9v150h-9zM220 290h9v160h-9zM80 300h210v7H80z" fill="#46545c"/></svg>';

/**
 * An Atom document.
 *
 * @param links  pairs of a relation and a URL
 */
export function atom(name, { title, entries, gone = [], links = [] }) {
  const written = entries.map((entry) => `<entry><id>tag:${name},${escape(entry.id)}</id>
    ${entry.title ? `<title>${escape(entry.title)}</title>` : '<title/>'}
    ${entry.url ? `<link href="${escape(entry.url)}"/>` : ''}
    ${(entry.files ?? []).map(({ url, type }) => `<link rel="enclosure" href="${escape(url)}" type="${type}"/>`).join('')}
    ${(entry.tags ?? []).map((tag) => `<category term="${escape(tag)}"/>`).join('')}
    ${entry.author ? `<author><name>${escape(entry.author)}</name></author>` : ''}
    <published>${entry.published}</published><updated>${entry.updated ?? entry.published}</updated>
    <content type="html">${escape(entry.html ?? '')}</content></entry>`);
  const tombstones = gone.map(({ id, when }) => `<at:deleted-entry ref="tag:${name},${escape(id)}" when="${when}"/>`);
  return `<?xml version="1.0" encoding="utf-8"?>
    <feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0">
    <id>tag:${name},feed</id><title>${escape(title)}</title><updated>2026-01-01T00:00:00Z</updated>
    ${links.map(([rel, href]) => `<link rel="${rel}" href="${escape(href)}"/>`).join('')}
    ${tombstones.join('')}${written.join('')}</feed>`;
}

/** A site with feeds that a test changes. */
export class Site {
  #feeds = new Map();
  #server = createServer((request, response) => this.#answer(request, response));
  #count = 0;

  /** Where the site is. */
  origin;

  async start() {
    this.origin = await listen(this.#server);
    return this;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Adds a feed without entries. */
  addFeed(name, title = name) { this.#feeds.set(name, { title, entries: [], gone: [] }); }

  /** Adds an entry to a feed; a later one is newer. Returns its id. */
  add(name, entry) {
    this.#count += 1;
    const published = new Date(START + this.#count * MINUTE).toISOString();
    const added = { id: String(this.#count), published, title: `Entry ${this.#count}`, html: `<p>Text ${this.#count}</p>`, ...entry };
    this.#feeds.get(name).entries.unshift(added);
    return added.id;
  }

  change(name, id, changes) {
    const entry = this.#feeds.get(name).entries.find((each) => each.id === id);
    this.#count += 1;
    Object.assign(entry, { updated: new Date(START + this.#count * MINUTE).toISOString() }, changes);
  }

  delete(name, id) {
    const feed = this.#feeds.get(name);
    feed.entries = feed.entries.filter((entry) => entry.id !== id);
    this.#count += 1;
    feed.gone.push({ id, when: new Date(START + this.#count * MINUTE).toISOString() });
  }

  #answer(request, response) {
    const name = /^\/([a-z-]+)\.xml$/.exec(request.url)?.[1];
    const feed = this.#feeds.get(name);
    if (request.url.endsWith('.svg')) {
      response.writeHead(200, { 'content-type': 'image/svg+xml' });
      response.end(PICTURE);
    } else if (feed) {
      response.writeHead(200, { 'content-type': 'application/atom+xml' });
      response.end(atom(name, feed));
    } else {
      response.writeHead(404);
      response.end();
    }
  }
}

/** A wire to a server, which can be cut. */
export class Wire {
  #sockets = new Set();
  #listener;
  isUp = true;
  origin;

  async start(target) {
    const { hostname, port } = new URL(target);
    this.#listener = net.createServer((near) => {
      if (!this.isUp) return near.destroy();
      const far = net.connect(Number(port), hostname);
      for (const [socket, other] of [[near, far], [far, near]]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
      return undefined;
    });
    this.origin = await listen(this.#listener);
    return this;
  }

  cut() {
    this.isUp = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}

/** The settings of a server that follows feeds of a site, polled each second. */
export function settings(site, feeds, more = '') {
  const followed = feeds.map((name) => `[[feed]]\nname = "${name}"\nurl = "${site.origin}/${name}.xml"\npoll = "1s"\nhub = "none"\n`);
  return `[store]\nurl = "sqlite::memory:"\n[feeds]\nnetworks = ["127.0.0.0/8"]\nbackfill = 1000\n${followed.join('')}${more}`;
}

/** The entries of the list for programs, newest first. */
export async function listed(server, query = 'limit=200') {
  const response = await fetch(`${server.origin}/lifestream/entries?${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

/** Waits until `test` is true of the list for programs. */
export async function untilListed(server, test) {
  for (;;) {
    const list = await listed(server);
    if (test(list.entries)) return list;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/** The titles of the entries of a page, in their order. */
export function titles(page) {
  return page.locator('#stream > article h2').allTextContents();
}

/** Waits until the page is connected and has completed its list. */
export async function live(page) {
  await page.waitForSelector('#state[data-state=connected]', WATCHDOG);
}

/** Waits until the page shows the entry with this title. */
export async function shows(page, title) {
  await until(page, (wanted) => [...document.querySelectorAll('#stream > article h2')]
    .some((heading) => heading.textContent === wanted), title);
}

/**
 * Gives `body` a site, a server that follows its feeds, and `open(options)`, which opens a window on the page. Fails if a
 * script of a page failed, or if the browser blocked a part of a page.
 *
 * @param feeds  the names of the feeds, or an object with their titles by name
 * @param fill  adds entries before the server starts
 * @param more  the end of the file of settings
 */
export async function withLifestream({ feeds = ['blog', 'photos'], fill = () => {}, more = '', environment = {} }, body) {
  const site = await new Site().start();
  const titled = Array.isArray(feeds) ? Object.fromEntries(feeds.map((name) => [name, `The ${name}`])) : feeds;
  for (const [name, title] of Object.entries(titled)) site.addFeed(name, title);
  fill(site);
  const server = await startServer(environment, undefined, settings(site, Object.keys(titled), more));
  const browser = await launchBrowser();
  const mistakes = [];
  const open = async ({ path = '/lifestream', origin = server.origin, isLive = true, ...options } = {}) => {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => mistakes.push(String(error)));
    page.on('console', (line) => {
      if (/Content Security Policy|Trusted/.test(line.text())) mistakes.push(line.text());
    });
    await page.goto(`${origin}${path}`);
    if (isLive && options.javaScriptEnabled !== false) await live(page);
    return page;
  };
  try {
    await body({ site, server, browser, open });
    assert.deepEqual(mistakes, []);
  } finally {
    await browser.close();
    await server.discard();
    site.close();
  }
}
