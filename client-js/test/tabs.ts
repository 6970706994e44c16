/**
 * A browser with a shared worker and several tabs: each has its port to the worker, and the worker a server that a test
 * plays.
 */

import { afterEach, beforeEach, vi } from 'vitest';
import { BaseClient } from '../src/client.js';
import type { Environment } from '../src/environment.js';
import type { ClientOptions } from '../src/options.js';
import { host } from '../src/shared/host.js';
import { sharedWorker } from '../src/transport/shared.js';
import { Server } from './scripted.js';
import { pass } from './time.js';

/** A MessageChannel whose messages arrive in the same turn of the fake time. */
class Port {
  onmessage: ((event: { data: any }) => void) | null = null;
  other!: Port;
  isClosed = false;

  postMessage(data: unknown): void {
    if (this.isClosed) return;
    // A loop without end is to fail, and not to hang.
    if ((count += 1) > 1_000) throw new Error('Too many messages between the tabs and the worker');
    const copy = structuredClone(data);
    queueMicrotask(() => this.other.isClosed || this.other.onmessage?.({ data: copy }));
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Locks as navigator.locks has them: the next holder gets one when the last is done. */
class Locks {
  #queues = new Map<string, Promise<unknown>>();
  /** Ends every holder, as a browser does whose tabs crash. */
  crash!: () => void;
  #crashed = new Promise<void>((resolve) => (this.crash = resolve));

  request(name: string, hold: () => unknown): Promise<unknown> {
    const last = this.#queues.get(name) ?? Promise.resolve();
    const next = Promise.race([last, this.#crashed]).then(hold);
    this.#queues.set(name, next.catch(() => {}));
    return next;
  }
}

/** How many messages went between tabs and the worker. */
let count = 0;
export let server: Server;
export let tabs: BaseClient[];
export let locks: Locks;
export let made: { script: string; name: string }[];
export const worker = {
  /** Whether it cannot be started. */
  isBroken: false,
};

/** Makes a new browser for each test. */
export function withTabs(): void {
  beforeEach(() => {
    // The names of locks are made of it.
    let chance = 0.5;
    vi.spyOn(Math, 'random').mockImplementation(() => (chance += 1e-6));
    count = 0;
    server = new Server(['websocket', 'long-polling']);
    const scope = new EventTarget();
    tabs = [];
    made = [];
    worker.isBroken = false;
    vi.stubGlobal('addEventListener', scope.addEventListener.bind(scope));
    locks = new Locks();
    vi.stubGlobal('navigator', { locks });
    vi.stubGlobal('location', new URL('http://server.test/page'));
    vi.stubGlobal('SharedWorker', class {
      port = new Port();
      onerror: (() => void) | null = null;

      constructor(script: string, name: string) {
        made.push({ script, name });
        const inner = new Port();
        inner.other = this.port;
        this.port.other = inner;
        if (worker.isBroken) queueMicrotask(() => queueMicrotask(() => this.onerror?.()));
        else scope.dispatchEvent(Object.assign(new Event('connect'), { ports: [inner] }));
      }
    });
    class Inner extends BaseClient {
      constructor(endpoint: string, options: ClientOptions) {
        const environment: Environment = { resolve: (href) => ({ href }), watch: () => () => {}, kinds: () => server.kinds(), settings: () => ({ headers: {} }) };
        super(endpoint, options, environment);
        server.clients.push(this);
      }
    }
    host(Inner);
  });
  afterEach(async () => {
    for (const client of tabs) client.disconnect();
    await pass(11_000);
    server.stop();
    vi.unstubAllGlobals();
  });
}

/** Opens a tab with a client that uses the worker, or else requests of its own. */
export function tab(options: ClientOptions = {}): BaseClient {
  const own = new Server(['long-polling']);
  const environment: Environment = {
    resolve: (href) => ({ href }),
    watch: () => () => {},
    kinds: (given, endpoint) => [sharedWorker(given, endpoint), ...own.kinds()],
    settings: () => ({ headers: {} }),
  };
  const client = new BaseClient('http://server.test/faye', { shared: true, ...options }, environment);
  tabs.push(client);
  return client;
}
