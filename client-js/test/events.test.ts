/**
 * What an application is told of the connection, and what the client says of itself.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { eventsOf, fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

test('from nothing to a session', async () => {
  const server = world();
  const client = server.client();
  const events = eventsOf(client);
  client.connect();
  expect(client.state).toBe('connecting');
  await pass(1_000);
  expect(events[0]).toMatchObject({ state: 'connecting' });
  expect(events[1]).toMatchObject({ state: 'connected' });
  expect(events.at(-1)).toMatchObject({ state: 'connected', transport: 'websocket' });
  expect(events.filter(({ state }) => state === 'connecting')).toHaveLength(1);
  for (const event of events) {
    expect(event.reason).toMatch(/\w+ \w+/);
    expect(event.error).toBe(undefined);
    expect(event.retryIn).toBe(undefined);
  }
});

test('an interruption: each attempt that is planned is told with its delay and the reason', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  const events = eventsOf(client);
  server.health['long-polling'] = 'refused';
  server.connect!.link.cut();
  await pass(11_000);
  expect(events.map(({ state, retryIn }) => [state, retryIn])).toEqual([
    ['interrupted', 500], ['interrupted', 3_750], ['interrupted', 7_500],
  ]);
  for (const { error, reason } of events) {
    expect(error).toBeInstanceOf(Error);
    expect(reason).toBe('The network is away');
  }
  expect(client.state).toBe('interrupted');
});

test('its end is told at the first reply, and the state is right in the listener', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.connect!.link.cut();
  await pass();
  const states: string[] = [];
  client.on('connection', ({ state }) => states.push(`${state} ${client.state}`));
  await pass(1_000);
  expect(states).toEqual(['connected connected']);
});

test('a lost session counts as an interruption until there is a new one', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const events = eventsOf(client);
  server.rules['/meta/handshake'] = () => undefined;
  server.forget();
  await pass(1_000);
  expect(client.state).toBe('interrupted');
  expect(client.clientId).toBe(undefined);
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass(1_000);
  expect(events.map(({ state }) => state).filter((state, index, all) => state !== all[index - 1])).toEqual(['interrupted', 'connected']);
});

test('before the first session a failure is no interruption', async () => {
  const server = world(['long-polling']);
  server.health['long-polling'] = 'refused';
  const client = server.client();
  const events = eventsOf(client);
  client.connect();
  await pass(1_000);
  expect(events.map(({ state }) => state)).not.toContain('interrupted');
  expect(client.state).toBe('connecting');
});

test('transport:up and transport:down once each, in turn', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  const turns: string[] = [];
  client.on('transport:up', () => turns.push('up'));
  client.on('transport:down', () => turns.push('down'));
  client.connect();
  await pass(1_000);
  for (let round = 0; round < 2; round += 1) {
    server.health['long-polling'] = 'refused';
    server.connect!.link.cut();
    await pass(30_000);
    delete server.health['long-polling'];
    await pass(60_000);
  }
  expect(turns).toEqual(['up', 'down', 'up', 'down', 'up']);
});

test('a server that was never there is told as down, once', async () => {
  const server = world(['long-polling']);
  server.health['long-polling'] = 'refused';
  const client = server.client();
  const down = vi.fn();
  client.on('transport:down', down);
  client.connect();
  await pass(100_000);
  expect(down).toHaveBeenCalledTimes(1);
});

test('a refused handshake is no reason to be down', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::No' });
  const client = server.client();
  const down = vi.fn();
  client.on('transport:down', down);
  client.connect();
  await pass(60_000);
  expect(down).not.toHaveBeenCalled();
});

test('a listener that throws does not stop the client', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.on('connection', () => {
    throw new Error('Mine');
  });
  client.connect();
  await expect(pass()).rejects.toThrow('Mine');
  await pass().catch(() => {});
  await pass(1_000);
  expect(client.state).toBe('connected');
  client.removeAllListeners();
});

test('the end is told last', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const events = eventsOf(client);
  client.disconnect();
  await pass(60_000);
  expect(events.map(({ state, retryIn }) => [state, retryIn])).toEqual([['disconnected', undefined]]);
});

test('what the client says of itself cannot be overwritten', () => {
  const client = world().client();
  for (const name of ['state', 'transport', 'clientId']) {
    expect(() => Object.assign(client, { [name]: 'other' })).toThrow(TypeError);
  }
});
