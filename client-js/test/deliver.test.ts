/**
 * Who hears a published message, in which order, and with what.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  return { server, client };
}

test('callbacks are given the data, with their context', async () => {
  const { server, client } = await connected();
  const context = {};
  const heard = vi.fn();
  client.subscribe('/a', heard, context);
  server.publish('/a', { hello: 'world' });
  expect(heard.mock.calls).toEqual([[{ hello: 'world' }]]);
  expect(heard.mock.contexts).toEqual([context]);
});

test.each([0, '', false, null, [], {}].map((data) => ({ data })))('data %o is delivered', async ({ data }) => {
  const { server, client } = await connected();
  const heard = vi.fn();
  client.subscribe('/a', heard);
  server.publish('/a', data);
  expect(heard.mock.calls).toEqual([[data]]);
});

test('a message without data is not delivered', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  client.subscribe('/a', heard);
  server.publish('/a', undefined);
  expect(heard).not.toHaveBeenCalled();
});

test("patterns match as with Faye, and listeners are called in Faye's order", async () => {
  const { server, client } = await connected();
  const calls: string[] = [];
  const patterns = ['/a/**', '/a/b/**', '/a/b/*', '/a/b/c', '/**', '/a/b/c/**', '/a/*', '/*', '/a/b', '/a/b/c/*'];
  for (const pattern of patterns) client.subscribe(pattern, () => calls.push(pattern));
  server.publish('/a/b/c', 1);
  expect(calls).toEqual(['/**', '/a/b/c', '/a/b/*', '/a/**', '/a/b/**']);
});

test('listeners of one channel are called in the order in which they subscribed', async () => {
  const { server, client } = await connected();
  const calls: number[] = [];
  for (const number of [1, 2, 3]) client.subscribe('/a', () => calls.push(number));
  server.publish('/a', 1);
  expect(calls).toEqual([1, 2, 3]);
});

test('withChannel is given the channel too, after the callback, and can be chained', async () => {
  const { server, client } = await connected();
  const context = {};
  const plain = vi.fn();
  const named = vi.fn();
  const subscription = client.subscribe('/a/*', plain);
  expect(subscription.withChannel(named, context)).toBe(subscription);
  server.publish('/a/b', 1);
  expect(plain.mock.calls).toEqual([[1]]);
  expect(named.mock.calls).toEqual([['/a/b', 1]]);
  expect(named.mock.contexts).toEqual([context]);
  expect(plain.mock.invocationCallOrder[0]).toBeLessThan(named.mock.invocationCallOrder[0]!);
});

test('a listener that throws does not keep others from hearing, and its error is not swallowed', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  const wrong = client.subscribe('/a', () => {
    throw new Error('Mine');
  });
  wrong.withChannel(heard);
  client.subscribe('/a', heard);
  server.socket.push({ channel: '/a', data: 1 }, { channel: '/a', data: 2 });
  expect(heard).toHaveBeenCalledTimes(4);
  expect(() => vi.advanceTimersByTime(1)).toThrow('Mine');
  expect(client.state).toBe('connected');
});

test('who leaves while a message is delivered still hears it; who comes does not', async () => {
  const { server, client } = await connected();
  const second = vi.fn();
  const third = vi.fn();
  client.subscribe('/a', () => {
    other.cancel();
    client.subscribe('/a', third);
  });
  const other = client.subscribe('/a', second);
  server.publish('/a', 1);
  expect(second).toHaveBeenCalledTimes(1);
  expect(third).not.toHaveBeenCalled();
  server.publish('/a', 2);
  expect(second).toHaveBeenCalledTimes(1);
  expect(third).toHaveBeenCalledTimes(1);
});

test('what nobody listens to, and what is no message, harms nothing', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  client.subscribe('/a', heard);
  await pass();
  const { socket } = server;
  socket.push({ channel: '/other', data: 1 });
  socket.push({ data: 1 } as never);
  socket.push({} as never);
  for (const data of ['', 'nonsense', '[null]', '[1, "x", [], {"channel":null,"data":1}]', 'null', '{}', '[]']) {
    socket.onmessage?.({ data });
  }
  socket.onmessage?.({ data: new ArrayBuffer(2) });
  server.publish('/a', 1);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(client.state).toBe('connected');
});

test('several messages in one response come in their order', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  server.connect!.link.push(...[1, 2, 3].map((data) => ({ channel: '/a', data })));
  server.connect!.reply();
  await pass();
  expect(heard).toEqual([1, 2, 3]);
});

test('a message that is delivered before the reply of the subscription is heard', async () => {
  const { server, client } = await connected();
  server.rules['/meta/subscribe'] = () => undefined;
  const heard = vi.fn();
  client.subscribe('/a', heard);
  await pass();
  server.publish('/a', 'early');
  expect(heard).toHaveBeenCalledWith('early');
});
