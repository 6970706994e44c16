/**
 * Which transports may be used: what was disabled, what has another endpoint, what needs a session, what is blocked.
 */

import { expect, test } from 'vitest';
import { Server } from './scripted.js';
import { connection, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

test('a disabled type is neither named nor opened', async () => {
  const server = world();
  const client = server.client();
  client.disable('websocket');
  client.connect();
  await pass(60_000);
  expect(server.sockets).toEqual([]);
  expect(server.sent()[0]!.message.supportedConnectionTypes).toEqual(['long-polling']);
  expect(client.transport).toBe('long-polling');
});

test('disabling the transport in use moves everything to the next', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = ({ type }) => (type === 'long-polling' ? {} : undefined);
  const publication = outcome(client.publish('/a', 1));
  await pass();
  client.disable('websocket');
  await pass(1_000);
  expect(server.socket.isOver).toBe(true);
  expect(client.transport).toBe('long-polling');
  expect(publication.is).toBe('resolved');
  expect(server.connect!.type).toBe('long-polling');
});

test('nothing usable is an error that says so, and everything settles', async () => {
  const server = world();
  const client = server.client();
  client.disable('websocket');
  client.disable('long-polling');
  const waiting = [outcome(connection(client)), outcome(client.publish('/a', 1)), outcome(client.subscribe('/b', () => {}))];
  await pass();
  expect(waiting.map(({ is }) => is)).toEqual(['rejected', 'rejected', 'rejected']);
  for (const { error } of waiting.slice(0, 2)) expect(error!.message).toMatch(/No transport can be used/);
  expect(client.state).toBe('disconnected');
});

test('every type has its own endpoint, and the rest the main one', async () => {
  const server = world();
  const client = server.client({ endpoints: { websocket: 'http://sockets.test/faye', none: 'http://none.test/' } as object });
  client.connect();
  await pass();
  expect(server.made('long-polling')[0]!.endpoint).toBe('http://server.test/faye');
  expect(server.socket.endpoint).toBe('http://sockets.test/faye');
});

test('endpoints may be relative to the page, or URL objects', async () => {
  const server = world();
  server.client({ endpoints: { websocket: new URL('http://sockets.test/') } }, '/bayeux').connect();
  await pass();
  expect(server.made('long-polling')[0]!.endpoint).toBe('http://page.test/bayeux');
  expect(server.socket.endpoint).toBe('http://sockets.test/');
});

test('with sockets alone: refused, opened later, and everything arrives', async () => {
  const server = world(['websocket']);
  server.health['websocket'] = 'refused';
  const client = server.client();
  const publication = outcome(client.publish('/a', 1));
  await pass(120_000);
  expect(publication.is).toBe('pending');
  expect(server.sockets.length).toBeGreaterThan(3);
  delete server.health['websocket'];
  await pass(60_000);
  expect(publication.is).toBe('resolved');
});

test('with sockets alone: one that worked is tried for ever, and never without a pause', async () => {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.health['websocket'] = 'refused';
  server.socket.cut();
  await pass(600_000);
  expect(server.sockets.length).toBeGreaterThan(10);
  expect(server.sockets.length).toBeLessThan(30);
  delete server.health['websocket'];
  await pass(60_000);
  expect(client.state).toBe('connected');
});

test('an event stream is opened with the session in its address, after the handshake', async () => {
  const server = world(['eventsource', 'long-polling']);
  const client = server.client();
  client.connect();
  server.rules['/meta/handshake'] = (arrival) => {
    expect(server.sockets).toEqual([]);
    return server.usual(arrival);
  };
  await pass();
  expect(server.socket.endpoint).toBe('http://server.test/faye/session1');
  expect(client.transport).toBe('eventsource');
  expect(server.last('/meta/connect').message.connectionType).toBe('eventsource');
});

test('a new session has a new stream', async () => {
  const server = world(['eventsource', 'long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  const [first] = server.sockets;
  server.forget();
  await pass(2_000);
  expect(first!.isOver).toBe(true);
  expect(server.sockets.map(({ endpoint }) => endpoint)).toEqual([
    'http://server.test/faye/session1', 'http://server.test/faye/session2',
  ]);
  expect(client.transport).toBe('eventsource');
});

test('messages that a stream brings are delivered', async () => {
  const server = world(['eventsource', 'long-polling']);
  const client = server.client();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  await pass();
  server.socket.push({ channel: '/a', data: 1 }, { channel: '/a', data: 2 });
  expect(heard).toEqual([1, 2]);
});

test('a stream that is refused gives way to the next', async () => {
  const server = world(['websocket', 'eventsource', 'long-polling']);
  server.health['websocket'] = server.health['eventsource'] = 'refused';
  const client = server.client();
  client.connect();
  await pass(1_000);
  expect(client.transport).toBe('long-polling');
  expect(client.state).toBe('connected');
});

test('sockets are tried one after the other', async () => {
  const server = world(['websocket', 'eventsource', 'long-polling']);
  server.health['websocket'] = 'opening';
  const client = server.client();
  client.connect();
  await pass(1_000);
  expect(server.made('eventsource').filter((link) => server.sockets.includes(link as never))).toEqual([]);
  await pass(20_000);
  expect(client.transport).toBe('eventsource');
});

test('where the cross-origin request is blocked, a script element carries the messages', async () => {
  const server = world(['cross-origin-long-polling', 'callback-polling']);
  server.health['cross-origin-long-polling'] = 'refused';
  const client = server.client();
  const publication = outcome(client.publish('/a', 1));
  await pass(1_000);
  expect(client.transport).toBe('callback-polling');
  expect(publication.is).toBe('resolved');
});

test('a cross-origin request that worked is not left for its first failure', async () => {
  const server = world(['cross-origin-long-polling', 'callback-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.connect!.link.cut();
  await pass(5_000);
  expect(client.transport).toBe('cross-origin-long-polling');
  expect(client.state).toBe('connected');
  expect(server.made('callback-polling')).toEqual([]);
});
