/**
 * How a session begins: what is sent, over what, and what waits for it.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { connection, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

test('nothing is opened or sent before the client is used', async () => {
  const server = world();
  const client = server.client();
  await pass(60_000);
  expect(server.links).toEqual([]);
  expect(client.state).toBe('unconnected');
  expect(client.clientId).toBe(undefined);
  expect(client.transport).toBe(undefined);
});

test('a handshake names the version and every type that the client can use', async () => {
  const server = world(['websocket', 'eventsource', 'long-polling']);
  server.client().connect();
  await pass();
  const [handshake] = server.sent();
  expect(handshake!.message).toEqual({
    channel: '/meta/handshake',
    version: '1.0',
    supportedConnectionTypes: ['websocket', 'eventsource', 'long-polling'],
    id: '1',
  });
});

test('the handshake goes by a request while a socket is opened', async () => {
  const server = world();
  server.health['websocket'] = 'opening';
  server.client().connect();
  await pass();
  expect(server.log()[0]).toBe('long-polling /meta/handshake');
  expect(server.sockets).toHaveLength(1);
});

test('a socket carries the handshake when requests are not possible', async () => {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass();
  expect(server.log()).toEqual(['websocket /meta/handshake', 'websocket /meta/connect']);
  expect(client.state).toBe('connected');
});

test('one handshake is made, whatever is asked for meanwhile', async () => {
  const server = world();
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  client.connect();
  client.handshake();
  client.subscribe('/a', () => {});
  void client.publish('/a', 1);
  client.connect();
  await pass(1_000);
  expect(server.sent()).toHaveLength(1);
});

test('callbacks of connect and handshake are called with their context once there is a session', async () => {
  const server = world();
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  const context = {};
  const callback = vi.fn();
  client.connect(callback, context);
  client.handshake(callback, context);
  await pass();
  expect(callback).not.toHaveBeenCalled();
  server.last('/meta/handshake').reply(server.usual(server.last('/meta/handshake')));
  await pass();
  expect(callback.mock.contexts).toEqual([context, context]);
  client.connect(callback, context);
  expect(callback).toHaveBeenCalledTimes(2);
  await pass();
  expect(callback).toHaveBeenCalledTimes(3);
});

test('the connection can be waited for', async () => {
  const server = world();
  const client = server.client();
  const heard = vi.fn();
  client.callback(heard);
  client.connect();
  await connection(client);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(client.state).toBe('connected');
  expect(client.clientId).toBe('session1');
});

test('subscriptions and publications before the session are sent in it, in their order', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  const first = outcome(client.publish('/a', 1));
  const subscription = outcome(client.subscribe('/b', () => {}));
  const second = outcome(client.publish('/a', 2));
  await pass();
  expect(server.log()).toEqual([
    'long-polling /meta/handshake', 'long-polling /meta/connect', 'long-polling /meta/connect',
    'long-polling /meta/subscribe', 'long-polling /a', 'long-polling /a',
  ]);
  expect(server.sent('/a').map(({ message }) => message.data)).toEqual([1, 2]);
  expect([first.is, subscription.is, second.is]).toEqual(['resolved', 'resolved', 'resolved']);
});

test('messages are numbered in base 36 and carry the session', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass();
  for (let count = 0; count < 40; count += 1) void client.publish('/a', count);
  await pass();
  const ids = server.sent().map(({ message }) => message.id);
  expect(ids).toContain('z');
  expect(ids).toContain('10');
  expect(new Set(ids).size).toBe(ids.length);
  for (const { message } of server.sent('/a')) expect(message.clientId).toBe('session1');
});

test('a reply without a client id is a refusal', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: true });
  const client = server.client();
  client.connect();
  await pass();
  expect(client.state).not.toBe('connected');
  expect(server.log()).toEqual(['long-polling /meta/handshake']);
});
