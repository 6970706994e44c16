// A TCP proxy in another thread, so that it passes bytes on while the clients are busy. It listens on several ports, the
// lines, and cuts their connections: all together, or each line at its own random times.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/**
 * Starts the proxy.
 *
 * @param target  the URL of the mount
 * @returns `urls`: the URL of each line; `cut()`: closes all connections and refuses new ones until `restore()`;
 *          `blink()`: closes all connections and accepts new ones; `cutEach(least, most)`: closes the connections of each
 *          line again and again after so many milliseconds, until `calm()`, which returns the times of the cuts of each line,
 *          on the clock of `performance.now()`
 */
export async function startLines(target, count = 1) {
  const { hostname, port, pathname } = new URL(target);
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: { host: hostname, port: Number(port), count } });
  const [ports] = await once(thread, 'message');
  const tell = (what, ...rest) => thread.postMessage([what, ...rest]);
  return {
    urls: ports.map((each) => `http://127.0.0.1:${each}${pathname}`),
    cut: () => tell('cut'),
    restore: () => tell('restore'),
    blink: () => tell('blink'),
    cutEach: (least, most) => tell('cutEach', least, most),
    calm: async () => {
      tell('calm');
      const [cuts] = await once(thread, 'message');
      return cuts.map((times) => times.map((at) => at - performance.timeOrigin));
    },
    stop: () => thread.terminate(),
  };
}

class Line {
  #connections = new Set();
  #timer;
  isUp = true;
  /** When it was cut, in milliseconds since 1970: each thread has its own zero of `performance.now()`. */
  cuts = [];

  constructor({ host, port }) {
    this.listener = createServer((client) => {
      if (!this.isUp) return client.destroy();
      const upstream = connect(port, host);
      for (const [side, other] of [[client, upstream], [upstream, client]]) {
        this.#connections.add(side);
        side.setNoDelay(true);
        side.pipe(other);
        side.on('error', () => other.destroy());
        side.on('close', () => (this.#connections.delete(side), other.destroy()));
      }
    });
  }

  async listen() {
    this.listener.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(this.listener, 'listening');
    return this.listener.address().port;
  }

  /** Closes both sides of every connection. */
  cut() {
    for (const side of this.#connections) side.destroy();
  }

  cutAgain(least, most) {
    this.#timer = setTimeout(() => {
      this.cuts.push(performance.timeOrigin + performance.now());
      this.cut();
      this.cutAgain(least, most);
    }, least + (most - least) * Math.random());
  }

  calm() {
    clearTimeout(this.#timer);
  }
}

async function proxy(target) {
  const lines = Array.from({ length: target.count }, () => new Line(target));
  const actions = {
    cut: (line) => {
      line.isUp = false;
      line.cut();
    },
    restore: (line) => { line.isUp = true; },
    blink: (line) => line.cut(),
    cutEach: (line, least, most) => line.cutAgain(least, most),
    calm: (line) => line.calm(),
  };
  parentPort.on('message', ([what, ...rest]) => {
    for (const line of lines) actions[what](line, ...rest);
    if (what === 'calm') parentPort.postMessage(lines.map(({ cuts }) => cuts));
  });
  parentPort.postMessage(await Promise.all(lines.map((line) => line.listen())));
}

if (!isMainThread) await proxy(workerData);
