/**
 * A socket that does not work is left alone for a while, and the client goes on without it.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

/** When each socket was asked for, in seconds from now on. */
function attempts(server: Server): number[] {
  const from = Date.now();
  const seen: number[] = [];
  const begin = server.begin.bind(server);
  server.begin = (link) => {
    seen.push(Math.round((Date.now() - from) / 1_000));
    begin(link);
  };
  return seen;
}

test('refused: long-polling serves, and the socket is tried after 30 s, 60 s, up to every 10 min', async () => {
  const server = world();
  server.health['websocket'] = 'refused';
  const seen = attempts(server);
  const client = server.client();
  const down = vi.fn();
  client.on('transport:down', down);
  client.connect();
  await pass(3_000_000);
  expect(seen).toEqual([0, 30, 90, 210, 450, 930, 1_530, 2_130, 2_730]);
  expect(client.transport).toBe('long-polling');
  expect(client.state).toBe('connected');
  expect(down).not.toHaveBeenCalled();
});

test('not opening for 20 s counts as refused', async () => {
  const server = world();
  server.health['websocket'] = 'opening';
  const seen = attempts(server);
  const client = server.client();
  client.connect();
  await pass(19_900);
  expect(server.socket.isOver).toBe(false);
  await pass(200);
  expect(server.socket.isOver).toBe(true);
  await pass(29_900);
  expect(seen).toEqual([0, 50]);
  expect(client.state).toBe('connected');
});

test('a socket that opens late, after it was given up, changes nothing', async () => {
  const server = world();
  server.health['websocket'] = 'opening';
  const client = server.client();
  client.connect();
  await pass(21_000);
  const [late] = server.sockets;
  late!.open();
  late!.onmessage?.({ data: '[{"channel":"/meta/connect","successful":true}]' });
  await pass(1_000);
  expect(client.transport).toBe('long-polling');
});

test('open but mute: it is never used, and given up after 20 s', async () => {
  const server = world();
  server.health['websocket'] = 'silent';
  const client = server.client();
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(server.socket.frames).toEqual(['[]']);
  expect(client.transport).toBe('long-polling');
  expect(publication.is).toBe('resolved');
  await pass(20_100);
  expect(server.socket.isOver).toBe(true);
  expect(client.transport).toBe('long-polling');
  expect(server.socket.frames).toEqual(['[]']);
});

test('a mute socket is not tried again at once', async () => {
  const server = world();
  server.health['websocket'] = 'silent';
  const client = server.client();
  client.connect();
  await pass(49_000);
  expect(server.sockets).toHaveLength(1);
  expect(client.transport).toBe('long-polling');
  delete server.health['websocket'];
  await pass(2_000);
  expect(server.sockets).toHaveLength(2);
  expect(client.transport).toBe('websocket');
});

test('one that falls mute in use is given up when a reply is missed, and its publications go on', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const [first] = server.sockets;
  server.health['websocket'] = 'silent';
  const publication = outcome(client.publish('/a', 1));
  await pass(60_000);
  expect(first!.isOver).toBe(true);
  expect(publication.is).toBe('resolved');
  expect(server.sent('/a').map(({ type }) => type)).toEqual(['websocket', 'long-polling']);
  expect(new Set(server.sent('/a').map(({ message }) => message.id)).size).toBe(1);
});

test('a socket that works again is used, and its earlier failures are forgotten', async () => {
  const server = world();
  server.health['websocket'] = 'refused';
  const client = server.client();
  client.connect();
  await pass(100_000);
  expect(server.sockets).toHaveLength(3);
  delete server.health['websocket'];
  await pass(120_000);
  expect(client.transport).toBe('websocket');
  server.health['websocket'] = 'refused';
  const seen = attempts(server);
  server.socket.cut();
  await pass(31_000);
  expect(client.transport).toBe('long-polling');
  // One that has worked is tried again after 2 seconds, then after twice that each time.
  expect(seen.filter((at) => at > 1).map(Math.round)).toEqual([3, 7, 15, 31]);
});

test('closed each time soon after it opened: after three times long-polling takes over', async () => {
  const server = world();
  server.rules['/meta/connect'] = (arrival) => {
    if (arrival.type !== 'websocket') return server.usual(arrival);
    arrival.link.cut();
    return undefined;
  };
  const client = server.client();
  client.connect();
  await pass(20_000);
  expect(client.transport).toBe('long-polling');
  expect(client.state).toBe('connected');
  expect(server.sockets).toHaveLength(3);
});

test('closed each time soon after it opened, as requests are: the network cuts all of them, and the socket stays in use', async () => {
  const server = world();
  server.rules['/meta/connect'] = (arrival) => {
    setTimeout(() => arrival.link.cut(), 4_000);
    return server.usual(arrival);
  };
  const client = server.client();
  client.connect();
  await pass(120_000);
  const connects = server.sent('/meta/connect').filter(({ message }) => !message.advice);
  const bySocket = connects.filter(({ type }) => type === 'websocket');
  expect(bySocket.length).toBeGreaterThan(0.6 * connects.length);
  expect(server.sockets.length).toBeGreaterThan(15);
});

test('a socket that worked and is then refused gives way to long-polling', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(60_000);
  expect(client.transport).toBe('websocket');
  server.health['websocket'] = 'refused';
  server.socket.cut();
  const publication = outcome(client.publish('/a', 1));
  await pass(1_500);
  expect(client.transport).toBe('long-polling');
  expect(client.state).toBe('connected');
  expect(publication.is).toBe('resolved');
});

test('a socket that drops and comes back is used again, within its head start', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(60_000);
  server.log();
  server.socket.cut();
  await pass(1_500);
  expect(client.transport).toBe('websocket');
  expect(server.sockets).toHaveLength(2);
  expect(server.log()).toEqual(['websocket /meta/connect']);
});

test('a connect that is never answered later: the socket is given up after 1.2 times the advised time', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const [first] = server.sockets;
  server.stop();
  await pass(52_900);
  expect(first!.isOver).toBe(false);
  await pass(1_000);
  expect(first!.isOver).toBe(true);
  await pass(2_000);
  expect(client.transport).toBe('websocket');
});
