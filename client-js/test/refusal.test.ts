/**
 * A server that refuses handshakes: it is asked again, but not in a hurry, and nobody waits for ever.
 */

import { expect, test, vi } from 'vitest';
import type { Advice } from '../src/message.js';
import { Server } from './scripted.js';
import { connection, eventsOf, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

function refusing(advice?: Advice): Server {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::Forbidden', ...(advice && { advice }) });
  return server;
}

const times = (server: Server): number[] => {
  const all = server.sent('/meta/handshake').map(({ at }) => at);
  return all.slice(1).map((at, index) => at - all[index]!);
};

test('the delay between handshakes grows to its limit', async () => {
  const server = refusing();
  server.client().connect();
  await pass(200_000);
  expect(times(server)).toEqual([3_750, 7_500, 15_000, 30_000, 45_000, 45_000, 45_000]);
});

test('the delays are random between a half and the whole', async () => {
  const server = refusing();
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  server.client().connect();
  await pass(3_000);
  expect(times(server)).toEqual([2_500]);
  random.mockReturnValue(0.9999);
  await pass(5_000);
  random.mockReturnValue(0);
  await pass(11_000);
  expect(times(server)[1]).toBeLessThanOrEqual(10_000);
  expect(times(server)[1]).toBeGreaterThanOrEqual(4_999);
});

test('retry and maxRetry set where the delay begins and ends', async () => {
  const server = refusing();
  server.client({ retry: 2, maxRetry: 6 }).connect();
  await pass(17_000);
  expect(times(server)).toEqual([1_500, 3_000, 4_500, 4_500]);
});

test.each<Advice>([
  { reconnect: 'handshake' },
  { reconnect: 'handshake', interval: 0 },
  { reconnect: 'retry', interval: 0 },
])('advice %o makes no hot loop', async (advice) => {
  const server = refusing(advice);
  server.client().connect();
  await pass(60_000);
  expect(server.sent('/meta/handshake')).toHaveLength(5);
});

test('an interval that is longer than the delay is kept', async () => {
  const server = refusing({ reconnect: 'handshake', interval: 10_000 });
  server.client().connect();
  await pass(60_000);
  expect(times(server)).toEqual([10_000, 10_000, 15_000]);
});

test('advice none ends it: everything settles and nothing more is sent', async () => {
  const server = refusing({ reconnect: 'none' });
  const client = server.client();
  const waiting = [outcome(connection(client)), outcome(client.publish('/a', 1)), outcome(client.subscribe('/b', () => {}))];
  await pass(600_000);
  expect(server.log()).toEqual(['long-polling /meta/handshake']);
  for (const { is, error } of waiting) {
    expect(is).toBe('rejected');
    expect(error).toMatchObject({ code: 403, message: 'Forbidden' });
  }
  expect(client.state).toBe('disconnected');
});

test('publications are rejected with the reason; subscriptions and callbacks wait for a better day', async () => {
  const server = refusing();
  const client = server.client();
  const connected = vi.fn();
  client.connect(connected);
  const publication = outcome(client.publish('/a', 1));
  const subscription = outcome(client.subscribe('/b', () => {}));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error).toMatchObject({ code: 403, params: [''], message: 'Forbidden' });
  expect(subscription.is).toBe('pending');
  delete server.rules['/meta/handshake'];
  await pass(3_750);
  expect(subscription.is).toBe('resolved');
  expect(connected).toHaveBeenCalledTimes(1);
  expect(server.sent('/a')).toEqual([]);
});

test('what is published between two refused handshakes waits for the next, and is rejected with it', async () => {
  const server = refusing();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const publication = outcome(client.publish('/a', 1));
  await pass(2_700);
  expect(publication.is).toBe('pending');
  await pass(50);
  expect(publication.is).toBe('rejected');
  expect(server.sent()).toHaveLength(2);
});

test('connect and subscribe do not shorten the wait', async () => {
  const server = refusing();
  const client = server.client();
  client.connect();
  await pass();
  for (let count = 0; count < 20; count += 1) {
    client.connect();
    client.subscribe(`/${count}`, () => {});
    await pass(100);
  }
  expect(server.sent()).toHaveLength(1);
});

test('each refusal is told, with its error and the time until the next attempt', async () => {
  const server = refusing();
  const client = server.client();
  const events = eventsOf(client);
  client.connect();
  await pass(3_750);
  const told = events.filter(({ error }) => error);
  expect(told.map(({ state, retryIn }) => [state, retryIn])).toEqual([['unconnected', 3_750], ['unconnected', 7_500]]);
  expect(told[0]!.error).toMatchObject({ code: 403, message: 'Forbidden' });
});

test('after a success the delays begin anew', async () => {
  const server = refusing();
  server.client().connect();
  await pass(12_000);
  delete server.rules['/meta/handshake'];
  await pass(15_000);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::Forbidden' });
  server.forget();
  await pass(3_750);
  expect(times(server).slice(-1)).toEqual([3_750]);
});

test('a refusal without any error text still rejects with an error', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false });
  const publication = outcome(server.client().publish('/a', 1));
  await pass();
  expect(publication.error).toBeInstanceOf(Error);
});
