/**
 * When nothing reaches the server: the client waits longer each time, and then begins with the best transport again.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { DELAYS, eventsOf, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

function breakAll(server: Server): void {
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  for (const link of server.links) if (!link.isOver) link.cut();
}

function mendAll(server: Server): void {
  delete server.health['websocket'];
  delete server.health['long-polling'];
}

test('before any session: attempts with growing delays, and no socket without a pause', async () => {
  const server = world();
  breakAll(server);
  const client = server.client();
  const events = eventsOf(client);
  client.connect();
  await pass(150_000);
  const delays = events.map(({ retryIn }) => retryIn).filter((delay) => delay !== undefined);
  expect(delays).toEqual(DELAYS.slice(0, delays.length));
  expect(delays.length).toBeGreaterThan(5);
  expect(server.made('long-polling').length).toBeLessThanOrEqual(8);
  expect(server.made('websocket').length).toBeLessThanOrEqual(8);
  expect(client.state).toBe('connecting');
});

test('down is told once, and up once', async () => {
  const server = world();
  const client = server.client();
  const up = vi.fn();
  const down = vi.fn();
  client.on('transport:up', up);
  client.on('transport:down', down);
  client.connect();
  await pass(1_000);
  expect([up.mock.calls.length, down.mock.calls.length]).toEqual([1, 0]);
  breakAll(server);
  await pass(100_000);
  expect([up.mock.calls.length, down.mock.calls.length]).toEqual([1, 1]);
  expect(client.state).toBe('interrupted');
  mendAll(server);
  await pass(50_000);
  expect([up.mock.calls.length, down.mock.calls.length]).toEqual([2, 1]);
  expect(client.state).toBe('connected');
});

test('a publication waits for as long as it takes', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  breakAll(server);
  const publication = outcome(client.publish('/a', 1));
  await pass(3_600_000);
  expect(publication.is).toBe('pending');
  mendAll(server);
  await pass(60_000);
  expect(publication.is).toBe('resolved');
  expect(server.sent('/a').filter(({ isAnswered }) => isAnswered)).toHaveLength(1);
});

test('after an hour of nothing the socket is tried first again: its failure was the network', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  expect(client.transport).toBe('websocket');
  breakAll(server);
  await pass(3_600_000);
  mendAll(server);
  server.log();
  await pass(50_000);
  expect(client.transport).toBe('websocket');
});

test('the session lives through it: no second handshake, no second subscription', async () => {
  const server = world();
  const client = server.client();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  breakAll(server);
  await pass(120_000);
  mendAll(server);
  await pass(60_000);
  expect(server.sent('/meta/handshake')).toHaveLength(1);
  expect(server.sent('/meta/subscribe')).toHaveLength(1);
  expect(client.clientId).toBe('session1');
  server.publish('/a', 'again');
  await pass();
  expect(heard).toHaveBeenCalledWith('again');
});

test('a socket that comes back within its head start is used, and requests are not', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(60_000);
  server.health['websocket'] = 'opening';
  server.socket.cut();
  void client.publish('/a', 1);
  await pass(500 + 1_400);
  expect(server.sent('/a')).toEqual([]);
  server.socket.open();
  delete server.health['websocket'];
  await pass();
  expect(server.sent('/a').map(({ type }) => type)).toEqual(['websocket']);
});

test('one that takes longer finds long-polling at work', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(60_000);
  server.health['websocket'] = 'opening';
  server.socket.cut();
  const publication = outcome(client.publish('/a', 1));
  await pass(500 + 1_600);
  expect(server.sent('/a').map(({ type }) => type)).toEqual(['long-polling']);
  expect(publication.is).toBe('resolved');
  server.socket.open();
  await pass();
  expect(client.transport).toBe('websocket');
});

test('without anything that ever worked, requests do not wait for a socket', async () => {
  const server = world();
  server.health['websocket'] = 'opening';
  const publication = outcome(server.client().publish('/a', 1));
  await pass();
  expect(publication.is).toBe('resolved');
});

test('the first delay is short, and after a success it is short again', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  const events = eventsOf(client);
  client.connect();
  await pass(1_000);
  for (let round = 0; round < 3; round += 1) {
    server.connect!.link.cut();
    await pass(1_000);
    expect(client.state).toBe('connected');
  }
  expect(events.map(({ retryIn }) => retryIn).filter(Boolean)).toEqual([500, 500, 500]);
});

test('after a failure a connect is answered at once, so that it is known whether the server is there', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.connect!.link.cut();
  await pass(1_000);
  const connects = server.sent('/meta/connect').slice(-2);
  expect(connects.map(({ message }) => message.advice?.timeout)).toEqual([0, undefined]);
});
