/**
 * Subscriptions in a session after the first, and those that a server takes away.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function subscribed(): Promise<{ server: Server; client: ReturnType<Server['client']>; heard: ReturnType<typeof vi.fn>; refused: ReturnType<typeof vi.fn> }> {
  const server = world(['websocket']);
  const client = server.client();
  const heard = vi.fn();
  const refused = vi.fn();
  client.on('subscription:refused', refused);
  await client.subscribe('/a', heard);
  await pass(1_000);
  return { server, client, heard, refused };
}

test('a resubscription that is refused is told, and its listeners stay for the next session', async () => {
  const { server, heard, refused } = await subscribed();
  server.rules['/meta/subscribe'] = () => ({ successful: false, error: '403:/a:Not now' });
  server.forget();
  await pass(1_000);
  expect(refused).toHaveBeenCalledTimes(1);
  expect(refused.mock.calls[0]![0]).toMatchObject({ channel: '/a', error: { code: 403, message: 'Not now' } });
  delete server.rules['/meta/subscribe'];
  server.forget();
  // The second session in a row that was lost before a connect was answered in it: a pause comes first.
  await pass(10_000);
  server.publish('/a', 'back');
  expect(heard).toHaveBeenCalledWith('back');
  expect(refused).toHaveBeenCalledTimes(1);
});

test('after that refusal a new subscription of the channel asks again, for all', async () => {
  const { server, client, heard } = await subscribed();
  server.rules['/meta/subscribe'] = () => ({ successful: false, error: '403:/a:Not now' });
  server.forget();
  await pass(1_000);
  delete server.rules['/meta/subscribe'];
  const asked = server.sent('/meta/subscribe').length;
  const second = outcome(client.subscribe('/a', () => {}));
  await pass();
  expect(second.is).toBe('resolved');
  expect(server.sent('/meta/subscribe')).toHaveLength(asked + 1);
  server.publish('/a', 1);
  expect(heard).toHaveBeenCalledTimes(1);
});

test('of old and new listeners only the new ones are rejected', async () => {
  const { server, client, heard, refused } = await subscribed();
  server.rules['/meta/handshake'] = () => undefined;
  server.rules['/meta/subscribe'] = () => ({ successful: false, error: '403:/a:Not now' });
  server.forget();
  await pass(1_000);
  const second = outcome(client.subscribe('/a', () => {}));
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass(1_000);
  expect(second.is).toBe('rejected');
  expect(refused).toHaveBeenCalledTimes(1);
  expect(heard).not.toHaveBeenCalled();
});

test('what is subscribed between two sessions is asked for once, in the new one', async () => {
  const { server, client } = await subscribed();
  server.rules['/meta/handshake'] = () => undefined;
  server.forget();
  await pass(1_000);
  const fresh = outcome(client.subscribe('/b', () => {}));
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass(1_000);
  expect(fresh.is).toBe('resolved');
  expect(server.sent('/meta/subscribe').filter(({ message }) => message.clientId === 'session2')
    .map(({ message }) => message.subscription)).toEqual(['/a', '/b']);
});

test('a subscription whose answer the lost session swallowed is agreed in the new one', async () => {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/meta/subscribe'] = () => undefined;
  const subscription = outcome(client.subscribe('/a', () => {}));
  await pass();
  delete server.rules['/meta/subscribe'];
  server.forget();
  await pass(1_000);
  expect(subscription.is).toBe('resolved');
});

test('a subscription that is refused because the session is unknown waits for the new one', async () => {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.session = undefined;
  const subscription = outcome(client.subscribe('/a', () => {}));
  await pass(1_000);
  expect(subscription.is).toBe('resolved');
  expect(server.sent('/meta/handshake')).toHaveLength(2);
});

test('a cancelled channel is not asked for in the new session', async () => {
  const { server, client } = await subscribed();
  client.unsubscribe('/a');
  server.forget();
  await pass(1_000);
  expect(server.sent('/meta/subscribe')).toHaveLength(1);
});

test.each([['one', '/a'], ['several', ['/a', '/b']]] as const)('the server takes %s away: that is told', async (_, subscription) => {
  const { server, client, refused } = await subscribed();
  await client.subscribe('/b', () => {});
  server.socket.push({ channel: '/meta/subscribe', successful: false, subscription: subscription as string, error: '403::Expired' });
  await pass();
  expect(refused.mock.calls.map(([{ channel }]) => channel)).toEqual([subscription].flat());
  expect(client.state).toBe('connected');
});

test('it cannot take away what was not agreed', async () => {
  const { server, refused } = await subscribed();
  server.socket.push({ channel: '/meta/subscribe', successful: false, subscription: '/other', error: '403::Expired' });
  server.socket.push({ channel: '/meta/subscribe', successful: false });
  await pass();
  expect(refused).not.toHaveBeenCalled();
});

test('an unsolicited agreement changes nothing', async () => {
  const { server, client } = await subscribed();
  server.rules['/meta/subscribe'] = () => undefined;
  const waiting = outcome(client.subscribe('/b', () => {}));
  server.socket.push({ channel: '/meta/subscribe', successful: true, subscription: '/b' });
  await pass();
  expect(waiting.is).toBe('pending');
});
