/**
 * React Native: its `URL` has no setters, throws for most getters in older versions, and adds a slash at the end. There
 * is no page, no EventSource and no document.
 */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Client } from '../src/browser.js';
import type { Message } from '../src/message.js';
import { eventually } from './local.js';

/** As older versions have it. */
class OldUrl {
  #url: string;

  constructor(url: string, base?: string) {
    this.#url = base === undefined ? url : `${base.replace(/\/$/, '')}${url}`;
    if (!this.#url.endsWith('/')) this.#url += '/';
  }

  get href(): string {
    return this.#url;
  }

  toString(): string {
    return this.#url;
  }
}
for (const name of ['hash', 'host', 'hostname', 'origin', 'password', 'pathname', 'port', 'protocol', 'search', 'username']) {
  Object.defineProperty(OldUrl.prototype, name, {
    get: () => {
      throw new Error(`URL.${name} is not implemented`);
    },
  });
}

/** As newer versions have it: the getters work. */
class NewUrl {
  #parsed: URL;

  constructor(url: string) {
    this.#parsed = new RealUrl(url.endsWith('/') ? url : `${url}/`);
  }

  get href(): string {
    return this.#parsed.href;
  }

  get origin(): string {
    return this.#parsed.origin;
  }

  get pathname(): string {
    return this.#parsed.pathname;
  }

  get username(): string {
    return this.#parsed.username;
  }

  get password(): string {
    return this.#parsed.password;
  }
}
const RealUrl = URL;

const asked: { url: string; request: RequestInit; messages: Message[] }[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal('navigator', { product: 'ReactNative' });
  vi.stubGlobal('fetch', async (url: string, request: RequestInit) => {
    const messages: Message[] = JSON.parse(String(request.body));
    asked.push({ url, request, messages });
    const isHeld = messages.some(({ channel, advice }) => channel === '/meta/connect' && !advice);
    if (isHeld) {
      return new Promise((_, reject) => request.signal!.addEventListener('abort', () => reject(new Error('aborted'))));
    }
    const replies = messages.map(({ id, channel }) => ({
      id, channel, successful: true, clientId: 'session', version: '1.0', supportedConnectionTypes: ['long-polling'],
    }));
    return { status: 200, text: async () => JSON.stringify(replies) };
  });
});
afterEach(() => vi.unstubAllGlobals());

for (const [version, Stand] of [['an older', OldUrl], ['a newer', NewUrl]] as const) {
  test(`${version} version: long-polling works, at the address that was given`, async () => {
    vi.stubGlobal('URL', Stand);
    const client = new Client('https://server.test/faye');
    client.disable('websocket');
    await client.publish('/a', { x: 1 });
    expect(new Set(asked.map(({ url }) => url))).toEqual(new Set(['https://server.test/faye']));
    await client.disconnect();
    expect(client.state).toBe('disconnected');
  });

  test(`${version} version: a name and a password in the address go into a header`, async () => {
    vi.stubGlobal('URL', Stand);
    const client = new Client('https://user:p%40ss@server.test:8443/faye?a=b');
    client.disable('websocket');
    await client.publish('/a', 1);
    for (const { url, request } of asked) {
      expect(url).toBe('https://server.test:8443/faye?a=b');
      expect(request.headers).toMatchObject({ Authorization: `Basic ${btoa('user:p%40ss')}` });
    }
    await client.disconnect();
  });

  test(`${version} version: a WebSocket is opened at the address that was given`, async () => {
    vi.stubGlobal('URL', Stand);
    const opened: string[] = [];
    vi.stubGlobal('WebSocket', class {
      constructor(url: string) {
        opened.push(url);
      }

      close(): void {}
    });
    const client = new Client('https://server.test/faye');
    client.connect();
    await eventually(() => expect(opened).toEqual(['wss://server.test/faye']));
    await client.disconnect();
  });

  test(`${version} version: a relative address throws when the client is used`, () => {
    vi.stubGlobal('URL', Stand);
    expect(() => new Client('/faye').connect()).toThrow();
  });
}
