/**
 * Subscriptions: the server is asked once for each channel, and every listener hears the answer.
 */

import { expect, test, vi } from 'vitest';
import type { Subscription } from '../src/subscription.js';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));
const nothing = (): void => {};

async function connected(): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.log();
  return { server, client };
}

test('subscribe connects by itself', async () => {
  const server = world();
  const subscription = outcome(server.client().subscribe('/a', nothing));
  await pass();
  expect(subscription.is).toBe('resolved');
});

test('one message for each channel, however many listen', async () => {
  const { server, client } = await connected();
  for (let count = 0; count < 5; count += 1) client.subscribe('/a', nothing);
  client.subscribe('/b', nothing);
  await pass();
  const late = outcome(client.subscribe('/a', nothing));
  await pass();
  expect(late.is).toBe('resolved');
  expect(server.log()).toEqual(['websocket /meta/subscribe', 'websocket /meta/subscribe']);
  expect(server.sent('/meta/subscribe')[0]!.message).toMatchObject({ subscription: '/a', clientId: 'session1' });
});

test('who subscribes while the first waits for its answer waits with it', async () => {
  const { server, client } = await connected();
  server.rules['/meta/subscribe'] = () => undefined;
  const first = outcome(client.subscribe('/a', nothing));
  await pass();
  const second = outcome(client.subscribe('/a', nothing));
  await pass();
  expect([first.is, second.is]).toEqual(['pending', 'pending']);
  server.last('/meta/subscribe').reply();
  await pass();
  expect([first.is, second.is]).toEqual(['resolved', 'resolved']);
});

test('a refusal rejects all of them, and they hear nothing', async () => {
  const { server, client } = await connected();
  server.rules['/meta/subscribe'] = () => undefined;
  const heard = vi.fn();
  const both = [outcome(client.subscribe('/a', heard)), outcome(client.subscribe('/a', heard))];
  await pass();
  server.last('/meta/subscribe').reply({ successful: false, error: '403:/a:Not for you' });
  await pass();
  for (const { is, error } of both) {
    expect(is).toBe('rejected');
    expect(error).toMatchObject({ code: 403, params: ['/a'], message: 'Not for you' });
  }
  server.publish('/a', 1);
  await pass();
  expect(heard).not.toHaveBeenCalled();
});

test('after a refusal it may be tried again', async () => {
  const { server, client } = await connected();
  server.rules['/meta/subscribe'] = () => ({ successful: false, error: '403:/a:Not yet' });
  const first = outcome(client.subscribe('/a', nothing));
  await pass();
  delete server.rules['/meta/subscribe'];
  const second = outcome(client.subscribe('/a', nothing));
  await pass();
  expect([first.is, second.is]).toEqual(['rejected', 'resolved']);
});

test('cancelled before the answer: rejected, hears nothing, and the server is told', async () => {
  const { server, client } = await connected();
  server.rules['/meta/subscribe'] = () => undefined;
  const heard = vi.fn();
  const subscription = client.subscribe('/a', heard);
  const result = outcome(subscription);
  await pass();
  expect(subscription.cancel()).toBe(undefined);
  await pass();
  expect(result.is).toBe('rejected');
  server.last('/meta/subscribe').reply();
  server.publish('/a', 1);
  await pass();
  expect(heard).not.toHaveBeenCalled();
  expect(server.log()).toEqual(['websocket /meta/subscribe', 'websocket /meta/unsubscribe']);
});

test('cancelled after the answer: the promise stays as it was', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  const subscription = client.subscribe('/a', heard);
  await subscription;
  subscription.cancel();
  subscription.cancel();
  subscription.unsubscribe();
  await pass();
  await subscription;
  server.publish('/a', 1);
  expect(heard).not.toHaveBeenCalled();
  expect(server.log()).toEqual(['websocket /meta/subscribe', 'websocket /meta/unsubscribe']);
  expect(server.last('/meta/unsubscribe').message).toMatchObject({ subscription: '/a', clientId: 'session1' });
});

test('cancelled before the session: the server hears of nothing', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.subscribe('/a', nothing).cancel();
  client.subscribe('/b', nothing);
  await pass();
  expect(server.sent('/meta/subscribe').map(({ message }) => message.subscription)).toEqual(['/b']);
  expect(server.sent('/meta/unsubscribe')).toEqual([]);
});

test('the server is told when the last listener of a channel leaves', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  const first = client.subscribe('/a', heard);
  const second = client.subscribe('/a', heard);
  await pass();
  first.cancel();
  await pass();
  expect(server.sent('/meta/unsubscribe')).toEqual([]);
  server.publish('/a', 1);
  await pass();
  expect(heard).toHaveBeenCalledTimes(1);
  second.cancel();
  await pass();
  expect(server.sent('/meta/unsubscribe')).toHaveLength(1);
});

test('unsubscribe by channel ends all its listeners; by subscription, that one', async () => {
  const { server, client } = await connected();
  const calls: string[] = [];
  const [first] = ['first', 'second', 'third'].map((name) => client.subscribe('/a', () => calls.push(name)));
  await pass();
  client.unsubscribe('/a', first);
  server.publish('/a', 1);
  await pass();
  expect(calls).toEqual(['second', 'third']);
  client.unsubscribe('/a');
  await pass();
  server.publish('/a', 2);
  await pass();
  expect(calls).toHaveLength(2);
  expect(server.sent('/meta/unsubscribe')).toHaveLength(1);
  client.unsubscribe('/a');
  client.unsubscribe('/never');
  await pass();
  expect(server.sent('/meta/unsubscribe')).toHaveLength(1);
});

test('an array gives an array of subscriptions, and may be given to unsubscribe', async () => {
  const { server, client } = await connected();
  const context = {};
  const heard = vi.fn();
  const both: Subscription[] = client.subscribe(['/a', '/b'], heard, context);
  expect(both.map(({ channel }) => channel)).toEqual(['/a', '/b']);
  await Promise.all(both);
  server.publish('/b', 1);
  await pass();
  expect(heard.mock.contexts).toEqual([context]);
  client.unsubscribe(['/a', '/b']);
  await pass();
  expect(server.sent('/meta/unsubscribe').map(({ message }) => message.subscription)).toEqual(['/a', '/b']);
});

test.each(['before the session', 'in a session', 'one by one'])('subscribe, unsubscribe, subscribe, %s: the last word counts', async (when) => {
  const server = world(['websocket']);
  const client = server.client();
  if (when !== 'before the session') {
    client.connect();
    await pass(1_000);
  }
  const heard = vi.fn();
  const first = outcome(client.subscribe('/a', () => expect.unreachable()));
  if (when === 'one by one') await pass();
  client.unsubscribe('/a');
  if (when === 'one by one') await pass();
  const second = outcome(client.subscribe('/a', heard));
  await pass(1_000);
  expect(first.is).toBe(when === 'one by one' ? 'resolved' : 'rejected');
  expect(second.is).toBe('resolved');
  const asked = server.sent().map(({ message }) => message.channel).filter((channel) => channel.endsWith('subscribe'));
  expect(asked.at(-1)).toBe('/meta/subscribe');
  server.publish('/a', 1);
  await pass();
  expect(heard).toHaveBeenCalledTimes(1);
});

test('a subscription without a callback is fine', async () => {
  const { server, client } = await connected();
  await client.subscribe('/a');
  server.publish('/a', 1);
  await pass();
  expect(client.state).toBe('connected');
});
