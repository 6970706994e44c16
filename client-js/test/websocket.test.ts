/**
 * The WebSocket of a browser.
 */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { webSocket } from '../src/transport/websocket.js';
import { open, type Opening } from './carried.js';
import { SocketLink } from './links.js';
import { fakeTime, pass } from './time.js';

fakeTime();

class FakeWebSocket extends SocketLink {
  static made: FakeWebSocket[] = [];

  constructor(readonly url: string) {
    super('websocket', url, () => {});
    FakeWebSocket.made.push(this);
  }
}

beforeEach(() => {
  FakeWebSocket.made = [];
  vi.stubGlobal('WebSocket', FakeWebSocket);
});
afterEach(() => vi.unstubAllGlobals());

async function opened(opening?: Opening): Promise<ReturnType<typeof open> & { socket: FakeWebSocket }> {
  const { transport, heard } = open(webSocket, opening);
  await pass();
  const socket = FakeWebSocket.made[0]!;
  socket.open();
  socket.onmessage!({ data: '[]' });
  expect(socket.frames.splice(0)).toEqual(['[]']);
  return { transport, heard, socket };
}

test.each([
  ['http://server.test/faye', 'ws://server.test/faye'],
  ['https://server.test:8443/faye?a=b#part', 'wss://server.test:8443/faye?a=b'],
  ['ws://server.test/', 'ws://server.test/'],
])('the address for %s is %s', async (endpoint, url) => {
  await opened({ endpoint });
  expect(FakeWebSocket.made[0]!.url).toBe(url);
});

test('before the server has answered over it, it does not count as open', async () => {
  const { transport, heard } = open(webSocket);
  await pass();
  expect(transport.send([{ channel: '/a' }])).toEqual([]);
  expect(heard.opened).toBe(0);
  FakeWebSocket.made[0]!.open();
  expect(FakeWebSocket.made[0]!.frames).toEqual(['[]']);
  expect(heard.opened).toBe(0);
  FakeWebSocket.made[0]!.onmessage!({ data: '[]' });
  FakeWebSocket.made[0]!.onmessage!({ data: '[]' });
  expect(heard.opened).toBe(1);
  expect(transport.send([{ channel: '/a' }])).toEqual([{ channel: '/a' }]);
});

test('connects go in frames of their own', async () => {
  const { transport, socket } = await opened();
  transport.send([{ channel: '/a' }, { channel: '/meta/connect' }, { channel: '/b' }]);
  const frames = socket.frames.map((frame) => JSON.parse(frame).map(({ channel }: { channel: string }) => channel));
  expect(frames.sort()).toEqual([['/a', '/b'], ['/meta/connect']]);
});

test('messages are handed on; empty and foreign frames are not', async () => {
  const { heard, socket } = await opened();
  for (const data of ['[]', 'nonsense', '', '[null]', '{"x":1}']) socket.onmessage!({ data });
  socket.onmessage!({ data: new Uint8Array(3) });
  expect(heard.received).toEqual([]);
  socket.push({ channel: '/a', data: 1 }, { channel: '/b', data: 2 });
  expect(heard.received.map(({ channel }) => channel)).toEqual(['/a', '/b']);
});

test.each([[1006, null], [1000, null], [1009, 413]])('its end with %i is told once', async (code, expected) => {
  const { transport, heard, socket } = await opened();
  socket.onerror?.({});
  socket.onclose!({ code });
  socket.onclose?.({ code });
  expect(heard.closed).toHaveLength(1);
  expect(heard.closed[0]!.code).toBe(expected);
  expect(transport.send([{ channel: '/a' }])).toEqual([]);
});

test('a constructor that throws counts as closed, once the selector has the transport', async () => {
  vi.stubGlobal('WebSocket', class {
    constructor() {
      throw new Error('The policy forbids it');
    }
  });
  const { heard } = open(webSocket);
  expect(heard.closed).toEqual([]);
  await pass();
  expect(heard.closed).toHaveLength(1);
  expect(heard.closed[0]!.message).toContain('The policy forbids it');
});

test('closed by us, nothing more is told', async () => {
  const { transport, heard, socket } = await opened();
  const { onclose, onmessage } = socket;
  transport.close();
  expect(socket.readyState).toBe(3);
  onclose!({ code: 1006 });
  expect(heard.closed).toEqual([]);
  expect(onmessage).toBeDefined();
  expect(socket.onmessage).toBe(null);
});

test('closed before it was made, it is closed as soon as it is', async () => {
  const { transport, heard } = open(webSocket);
  transport.close();
  await pass();
  expect(FakeWebSocket.made[0]!.readyState).toBe(3);
  expect(heard.opened).toBe(0);
});

test('a check is an empty frame; any answer will do', async () => {
  const { transport, heard, socket } = await opened();
  transport.check!();
  transport.check!();
  expect(socket.frames).toEqual(['[]']);
  await pass(4_000);
  socket.onmessage!({ data: '[]' });
  await pass(10_000);
  expect(heard.closed).toEqual([]);
  transport.check!();
  expect(socket.frames).toHaveLength(2);
  await pass(5_000);
  expect(heard.closed).toHaveLength(1);
  expect(socket.isOver).toBe(true);
});

test('a socket that is not open yet is not asked', async () => {
  const { transport, heard } = open(webSocket);
  await pass();
  transport.check!();
  await pass(10_000);
  expect(heard.closed).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('the farewell goes over it', async () => {
  const { transport, socket } = await opened();
  transport.farewell!({ channel: '/meta/disconnect' });
  expect(socket.frames).toEqual(['[{"channel":"/meta/disconnect"}]']);
});

test('a platform without WebSocket has none', () => {
  vi.stubGlobal('WebSocket', undefined);
  expect(webSocket.isUsable(new URL('http://server.test/'), { headers: {} })).toBe(false);
});
