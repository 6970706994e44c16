// Stands between one node and Redis, and does what networks do: it cuts connections, refuses new ones, goes silent, or is
// slow.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class TcpProxy {
  #target;
  #listener;
  #pairs = new Set();
  /** 'healthy'; 'cut': connections are closed at once; 'stalled': they stay open and nothing gets through. */
  #state = 'healthy';
  /** Milliseconds by which bytes are delayed, in both directions. */
  #delay = 0;

  port = null;
  /** How many connections came. */
  accepted = 0;

  constructor(targetPort) {
    this.#target = targetPort;
  }

  async start() {
    this.#listener = createServer((near) => this.#accept(near));
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.port = this.#listener.address().port;
  }

  #accept(near) {
    this.accepted += 1;
    near.on('error', () => {});
    if (this.#state === 'cut') return near.destroy();
    const far = connect(this.#target, '127.0.0.1');
    const pair = [near, far];
    this.#pairs.add(pair);
    for (const [side, other] of [pair, [far, near]]) {
      side.on('error', () => {});
      const delayed = [];
      const pass = (bytes) => {
        if (!other.destroyed && !other.write(bytes)) side.pause();
      };
      side.on('data', (bytes) => {
        if (this.#delay === 0 && delayed.length === 0) return pass(bytes);
        // One after the other, also when the delay ends: timers keep no order.
        delayed.push(bytes);
        setTimeout(() => pass(delayed.shift()), this.#delay);
      });
      other.on('drain', () => {
        if (this.#state !== 'stalled') side.resume();
      });
      side.on('end', () => other.end());
      side.on('close', () => {
        other.destroySoon();
        this.#pairs.delete(pair);
      });
      if (this.#state === 'stalled') side.pause();
    }
  }

  /** Ends every connection, and each new one at once. */
  cut() {
    this.#state = 'cut';
    for (const side of [...this.#pairs].flat()) side.destroy();
  }

  /** Nothing gets through any more, in neither direction, and nobody is told. */
  stall() {
    this.#state = 'stalled';
    for (const side of [...this.#pairs].flat()) side.pause();
  }

  /** Delays what comes from now on; zero ends it. */
  delay(milliseconds) {
    this.#delay = milliseconds;
  }

  /** What was held while it was stalled gets through now. */
  heal() {
    this.#state = 'healthy';
    for (const side of [...this.#pairs].flat()) side.resume();
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}

export async function startTcpProxy(workbench, targetPort) {
  const proxy = new TcpProxy(targetPort);
  await proxy.start();
  workbench.atEnd(() => proxy.close());
  return proxy;
}
