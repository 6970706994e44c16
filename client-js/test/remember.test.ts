/**
 * The option `remember`: a client goes on after a reload of its page, by sessionStorage; and storage that does not work.
 */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClientOptions } from '../src/options.js';
import { Client as NodeClient } from '../src/node.js';
import { Server } from './scripted.js';
import { fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));
const KEY = 'faye:http://server.test/faye:true';
const at = (id: number): object => ({ ext: { replay: { id } } });

class Stored extends Map<string, string> {
  getItem = (key: string): string | null => this.get(key) ?? null;
  setItem = (key: string, text: string): void => void this.set(key, text);
}

let stored: Stored;
beforeEach(() => {
  stored = new Stored();
  vi.stubGlobal('sessionStorage', stored);
});
afterEach(() => void vi.unstubAllGlobals());

function start(options: ClientOptions = {}): { server: Server; client: ReturnType<Server['client']> } {
  const server = world(['websocket']);
  server.rules['/meta/handshake'] = (arrival) => ({ ...server.usual(arrival), ext: { replay: true } });
  server.rules['/meta/subscribe'] = ({ message }) =>
    ({ ext: { replay: { [String(message.subscription)]: { recovered: true, cursor: 'c1' } } } });
  return { server, client: server.client({ replay: true, remember: true, ...options }) };
}

const asked = (server: Server): unknown[] => server.sent('/meta/subscribe').map(({ message }) => message.ext?.['replay']);

/** What a client asks for that is loaded now. */
async function askedNext(options: ClientOptions = {}, channel = '/a/*'): Promise<unknown> {
  const { server, client } = start(options);
  await client.subscribe(channel, () => {});
  return asked(server)[0];
}

async function fillStorage(options: ClientOptions = {}): Promise<Server> {
  const { server, client } = start(options);
  await client.subscribe('/a/*', () => {});
  server.publish('/a/x', 1, at(5));
  return server;
}

test('the next page goes on where this one has ended', async () => {
  const server = await fillStorage();
  expect(stored.size).toBe(0);
  server.watcher!.hide();
  const heard: unknown[] = [];
  const { server: next, client } = start();
  await client.subscribe('/a/*', (data) => heard.push(data), undefined, { replay: -2 });
  expect(asked(next)).toEqual([{ '/a/*': 'c1', '/a/x': 5 }]);
  next.publish('/a/x', 1, at(5));
  next.publish('/a/x', 2, at(6));
  expect(heard).toEqual([2]);
});

test.each(['a disconnect', 'a cursor of the server', 'the end of the page'])('it is stored at %s', async (when) => {
  const server = await fillStorage();
  if (when === 'a disconnect') server.clients[0]!.disconnect();
  else if (when === 'the end of the page') server.watcher!.leave();
  else server.publish('/meta/connect', undefined, { successful: true, ext: { replay: { cursor: 'c2' } } });
  await pass(1_000);
  expect(await askedNext()).toEqual({ '/a/*': when === 'a cursor of the server' ? 'c2' : 'c1', '/a/x': 5 });
});

test('clients of one endpoint are told apart by a name', async () => {
  (await fillStorage({ remember: 'one' })).watcher!.hide();
  expect([...stored.keys()]).toEqual(['faye:http://server.test/faye:one']);
  expect(await askedNext()).toBe(undefined);
  expect(await askedNext({ remember: 'one' })).toEqual({ '/a/*': 'c1', '/a/x': 5 });
});

test('without the option nothing is stored', async () => {
  (await fillStorage({ remember: false })).watcher!.hide();
  expect(stored.size).toBe(0);
});

test('a subscription that was not asked for keeps its place', async () => {
  (await fillStorage()).watcher!.hide();
  const { server, client } = start();
  await client.subscribe('/b', () => {});
  server.publish('/meta/connect', undefined, { successful: true, ext: { replay: { cursor: 'c2' } } });
  await client.subscribe('/a/*', () => {});
  expect(asked(server)).toEqual([undefined, { '/a/*': 'c1', '/a/x': 5 }]);
});

test.each([
  '', '{', 'null', '5', '"text"', '[]', '[5,[1]]', '[null,null]', '{"a":1}', '[[["/a/x",5]],"c1"]',
])('garbage such as %s is ignored', async (garbage) => {
  stored.set(KEY, garbage);
  expect(await askedNext()).toBe(undefined);
});

test.each(['absent', 'denied', 'full'])('storage that is %s is no error', async (kind) => {
  const deny = (): never => {
    throw new DOMException(kind);
  };
  if (kind === 'absent') vi.stubGlobal('sessionStorage', undefined);
  else if (kind === 'denied') Object.defineProperty(globalThis, 'sessionStorage', { get: deny, configurable: true });
  else stored.setItem = deny;
  (await fillStorage()).watcher!.hide();
  expect(await askedNext()).toBe(undefined);
  expect(stored.size).toBe(0);
});

test('a position that the server does not accept is forgotten', async () => {
  stored.set(KEY, JSON.stringify([[['/a', 1.5]], [['/a', 'nonsense']]]));
  const { server, client } = start();
  const gap = vi.fn();
  client.on('replay:gap', gap);
  server.rules['/meta/subscribe'] = ({ message }) =>
    (message.ext?.['replay'] ? { successful: false, error: '400::The replayId {1.5} you provided was invalid.' } : {});
  await client.subscribe('/a', () => {});
  expect(asked(server)).toEqual([{ '/a': 1.5 }, undefined]);
  expect(gap).toHaveBeenCalledTimes(1);
});

test('what is stored is bounded', async () => {
  const { server, client } = start();
  await client.subscribe('/**', () => {});
  for (let at = 0; at < 1_100; at += 1) server.publish(`/a/${at}`, at, { ext: { replay: { id: at + 1 } } });
  server.watcher!.hide();
  const [positions, cursors] = JSON.parse(stored.get(KEY)!);
  expect(positions).toHaveLength(1_000);
  expect(positions[999]).toEqual(['/a/1099', 1_100]);
  expect(cursors).toEqual([['/**', 'c1']]);
  const before = stored.get(KEY);
  server.publish('/meta/connect', undefined, { successful: true, ext: { replay: { cursor: `c${'x'.repeat(600_000)}` } } });
  expect(stored.get(KEY)).toBe(before);
});

test('Node has no pages', () => {
  expect(() => new NodeClient('http://server.test/faye', { remember: true } as object)).toThrow('works in browsers only');
});
