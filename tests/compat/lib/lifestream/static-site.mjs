// Publishers of the old kind: Atom files in a folder, and a web server for them that knows nothing of hubs.

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { atom } from '../lifestream.mjs';
import { Web } from '../websub/web.mjs';

const START = Date.parse('2026-01-01T00:00:00Z');
const MINUTE = 60_000;
const PATIENCE_MILLISECONDS = 60_000;

export class StaticSite {
  #folder = mkdtempSync(join(tmpdir(), 'faye-site-'));
  #feeds = new Map();
  #count = 0;
  #builds = 0;
  /** What answers to requests for a feed wait for. */
  #held = new Map();
  #web;

  async start() {
    this.#web = await Web.start((request) => this.#answer(request), { patience: PATIENCE_MILLISECONDS });
    return this;
  }

  get origin() { return this.#web.origin; }

  /** The URL of a feed, which is its topic. */
  url(name) { return `${this.origin}/${name}.xml`; }

  /** Adds a feed that names these hubs. */
  addFeed(name, title, hubs) {
    const links = [['self', this.url(name)], ...hubs.map((hub) => ['hub', hub])];
    this.#feeds.set(name, { title, links, entries: [], gone: [] });
    this.#write(name);
  }

  /** Writes the file of a feed with one more entry, which is newer than all others. */
  write(name, title) {
    const entry = this.entry(title);
    this.#feeds.get(name).entries.unshift(entry);
    this.#write(name);
    return entry;
  }

  /** Writes the file of a feed again: another time of the build, and the same entries. */
  rebuild(name) { this.#write(name); }

  /** An entry that is in no file yet. */
  entry(title) {
    this.#count += 1;
    return { id: String(this.#count), title, html: `<p>Text of ${title}</p>`, published: this.#now() };
  }

  /** Changes an entry. */
  change(name, { id }, changes) {
    this.#count += 1;
    Object.assign(this.#feeds.get(name).entries.find((entry) => entry.id === id), { updated: this.#now() }, changes);
    this.#write(name);
  }

  /** Replaces an entry by its tombstone. */
  remove(name, { id }) {
    const feed = this.#feeds.get(name);
    feed.entries = feed.entries.filter((entry) => entry.id !== id);
    this.#count += 1;
    feed.gone.push({ id, when: this.#now() });
    this.#write(name);
  }

  /** An Atom document with these entries of a feed alone, as hubs push it. */
  document(name, entries) {
    return atom(name, { ...this.#feeds.get(name), entries, gone: [] });
  }

  #now() { return new Date(START + this.#count * MINUTE).toISOString(); }

  #write(name) {
    const path = join(this.#folder, name);
    this.#builds += 1;
    writeFileSync(`${path}.new`, `${atom(name, this.#feeds.get(name))}<!-- build ${this.#builds} -->`);
    renameSync(`${path}.new`, `${path}.xml`);
  }

  /** Has requests for a feed wait until the result is called. */
  hold(name) {
    let release;
    this.#held.set(name, new Promise((resolve) => {
      release = () => {
        this.#held.delete(name);
        resolve();
      };
    }));
    return release;
  }

  /** The requests for a feed: `hub` of them came from a hub, `subscriber` from what reads the feed for itself. */
  requests(name) {
    const own = this.#web.requests.filter(({ path }) => path === `/${name}.xml`);
    const hub = own.filter(({ headers }) => headers['user-agent'].includes('subscribers)')).length;
    return { hub, subscriber: own.length - hub };
  }

  mark() { return this.#web.mark(); }

  /** Waits until a feed is requested. */
  requested(name, mark) {
    return this.#web.waitFor(`a request for ${name}`, ({ path }) => path === `/${name}.xml`, mark);
  }

  async #answer({ path, headers }) {
    const name = path.slice(1).replace(/\.xml$/, '');
    await this.#held.get(name);
    const file = join(this.#folder, `${name}.xml`);
    if (!this.#feeds.has(name) || !existsSync(file)) return { status: 404 };
    const body = readFileSync(file);
    const tag = `"${createHash('sha256').update(body).digest('hex')}"`;
    if (headers['if-none-match'] === tag) return { status: 304, headers: { etag: tag } };
    return { headers: { 'content-type': 'text/xml', etag: tag }, body };
  }

  async stop() {
    await this.#web.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
