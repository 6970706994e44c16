// Replaces the loopback ports that a document names by free ones, so that documents can run at the same time as
// others and as a server of the machine. Knows nothing of servers.

import { createServer } from 'node:net';

/** Ports below those that the system gives to outgoing connections (Linux: from 32768 on). */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 200;

const LOOPBACK = /(?:127\.0\.0\.1|localhost):(\d{2,5})\b/g;
/** The port at which every document has its server. */
export const DOCUMENTED_PORT = '8000';

const taken = new Set();

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

async function freePort() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await isFree(port)) return String(port);
  }
  throw new Error(`no free port in ${ATTEMPTS} attempts between ${LOWEST} and ${HIGHEST}`);
}

export class Ports {
  #free = new Map();

  /** Chooses a free port for each loopback port in the texts. */
  static async of(texts) {
    const ports = new Ports();
    const named = texts.flatMap((text) => [...text.matchAll(LOOPBACK)].map((match) => match[1]));
    for (const port of new Set([DOCUMENTED_PORT, ...named])) ports.#free.set(port, await freePort());
    return ports;
  }

  /** The port of the document's server. */
  get server() {
    return this.#free.get(DOCUMENTED_PORT);
  }

  /**
   * Replaces the ports, and `localhost` where a port is by 127.0.0.1. Where a port of the document stands without an
   * address (`listen(3000)`, `":8000"`) it is replaced as well.
   */
  replace(text) {
    const bare = new RegExp(`(?<![\\d.\\w-])(${[...this.#free.keys()].join('|')})(?![\\d.]*\\d|\\w|-\\d)`, 'g');
    return text
      .replace(LOOPBACK, (_whole, port) => `127.0.0.1:${this.#free.get(port)}`)
      .replace(bare, (port) => this.#free.get(port));
  }
}
