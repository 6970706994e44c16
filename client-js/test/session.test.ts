/**
 * A session that ends, because the server forgot it or wants nobody: one new handshake, or a clear end.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { eventsOf, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(types = ['long-polling']): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(types);
  const client = server.client();
  client.connect();
  await pass(1_000);
  return { server, client };
}

test.each([
  ["Faye's 401", (id: string) => ({ error: `401:${id}:Unknown client`, advice: { reconnect: 'handshake' as const, interval: 0 } })],
  ["CometD's 402", () => ({ error: '402::Unknown client', advice: { reconnect: 'handshake' as const, interval: 0 } })],
  ["CometD's 403", () => ({ error: '403::Unknown client', advice: { reconnect: 'handshake' as const } })],
  ['an unknown client without advice', (id: string) => ({ error: `401:${id}:Unknown client` })],
  ['advice to shake hands', () => ({ error: '500::Trouble', advice: { reconnect: 'handshake' as const } })],
])('%s: one new handshake', async (_, fields) => {
  const { server, client } = await connected();
  const { connect } = server;
  server.session = undefined;
  connect!.reply({ successful: false, ...fields(client.clientId!) });
  await pass(10_000);
  expect(server.sent('/meta/handshake')).toHaveLength(2);
  expect(client.clientId).toBe('session2');
  expect(client.state).toBe('connected');
});

test('the interval of that advice is kept before the handshake', async () => {
  const { server, client } = await connected();
  const events = eventsOf(client);
  server.connect!.reply({ ...server.unknown('session1'), advice: { reconnect: 'handshake', interval: 4_000 } });
  await pass(3_900);
  expect(server.sent('/meta/handshake')).toHaveLength(1);
  expect(client.state).toBe('interrupted');
  expect(events[0]).toMatchObject({ state: 'interrupted', retryIn: 4_000, error: { code: 401 } });
  await pass(200);
  expect(server.sent('/meta/handshake')).toHaveLength(2);
});

test('several replies of that kind cause one handshake', async () => {
  const { server, client } = await connected();
  const { connect } = server;
  server.session = undefined;
  for (const channel of ['/a', '/b', '/c']) void client.publish(channel, 1);
  client.subscribe('/d', () => {});
  connect!.reply(server.unknown('session1'));
  await pass(10_000);
  expect(server.sent('/meta/handshake')).toHaveLength(2);
});

test.each([['long-polling'], ['websocket']])('over %s each channel is subscribed exactly once in the new session', async (type) => {
  const { server, client } = await connected([type]);
  for (const channel of ['/a', '/b', '/c/*']) {
    client.subscribe(channel, () => {});
    client.subscribe(channel, () => {});
  }
  await pass();
  server.forget();
  await pass(10_000);
  const again = server.sent('/meta/subscribe').filter(({ message }) => message.clientId === 'session2');
  expect(again.map(({ message }) => message.subscription)).toEqual(['/a', '/b', '/c/*']);
  expect(again.every(({ isAnswered }) => isAnswered)).toBe(true);
});

test('listeners go on hearing, and are not told again that they are subscribed', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  const agreed = vi.fn();
  client.subscribe('/a', heard).callback(agreed);
  await pass();
  server.forget();
  await pass(1_000);
  server.publish('/a', 'new');
  await pass();
  expect(heard).toHaveBeenCalledWith('new');
  expect(agreed).toHaveBeenCalledTimes(1);
});

test('a publication that met the lost session goes on in the new one', async () => {
  const { server, client } = await connected();
  server.session = undefined;
  const publication = outcome(client.publish('/a', 1));
  await pass(10_000);
  expect(publication.is).toBe('resolved');
  expect(server.sent('/a').map(({ message }) => message.clientId)).toEqual(['session1', 'session2']);
});

test('but not for ever: after three sessions it is rejected', async () => {
  const { server, client } = await connected();
  server.rules['/a'] = ({ message }) => server.unknown(message.clientId);
  const publication = outcome(client.publish('/a', 1));
  await pass(60_000);
  expect(server.sent('/a')).toHaveLength(3);
  expect(publication.is).toBe('rejected');
  expect(publication.error).toMatchObject({ code: 401, message: 'Unknown client' });
});

test('publications that wait keep their order across the loss', async () => {
  const { server, client } = await connected();
  server.session = undefined;
  for (let number = 0; number < 10; number += 1) void client.publish('/a', number);
  await pass(10_000);
  const arrived = server.sent('/a').filter(({ message }) => message.clientId === 'session2').map(({ message }) => message.data);
  expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test.each([
  ['that carries the client id', { clientId: 'session1' }],
  ['that names the client in the error only', { clientId: undefined! }],
])('a late reply about an older session is ignored, %s', async (_, more) => {
  const { server, client } = await connected(['websocket']);
  server.rules['/a'] = () => undefined;
  void client.publish('/a', 1);
  await pass();
  const late = server.last('/a');
  server.forget();
  await pass(1_000);
  expect(client.clientId).toBe('session2');
  late.reply({ ...server.unknown('session1'), ...more });
  await pass(5_000);
  expect(client.clientId).toBe('session2');
  expect(server.sent('/meta/handshake')).toHaveLength(2);
});

test('a publication whose refusal comes after the new session began goes on there', async () => {
  const { server, client } = await connected(['websocket']);
  server.rules['/a'] = () => undefined;
  const publication = outcome(client.publish('/a', 1));
  await pass();
  const late = server.last('/a');
  server.forget();
  await pass(1_000);
  delete server.rules['/a'];
  late.reply({ successful: false, error: '401:session1:Unknown client' });
  await pass(1_000);
  expect(publication.is).toBe('resolved');
  expect(server.last('/a').message.clientId).toBe('session2');
});

test('what is in flight when the session is lost settles', async () => {
  const { server, client } = await connected(['websocket']);
  server.rules['/a'] = () => undefined;
  const publication = outcome(client.publish('/a', 1));
  await pass();
  server.forget();
  delete server.rules['/a'];
  await pass(120_000);
  expect(publication.is).not.toBe('pending');
});

test('advice none to a connect: everything settles, nothing more is sent', async () => {
  const { server, client } = await connected();
  const events = eventsOf(client);
  server.rules['/a'] = server.rules['/meta/subscribe'] = () => undefined;
  const waiting = [outcome(client.publish('/a', 1)), outcome(client.subscribe('/b', () => {}))];
  await pass();
  server.log();
  server.connect!.reply({ successful: false, error: '403::Go away', advice: { reconnect: 'none' } });
  await pass(600_000);
  expect(server.log()).toEqual([]);
  for (const { is, error } of waiting) {
    expect(is).toBe('rejected');
    expect(error).toMatchObject({ code: 403, message: 'Go away' });
  }
  expect(client.state).toBe('disconnected');
  expect(events.at(-1)).toMatchObject({ state: 'disconnected', error: { code: 403 } });
  expect(vi.getTimerCount()).toBe(0);
});

test('then connect begins again, and the listeners that were agreed are there', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.connect!.reply({ successful: false, error: '403::Go away', advice: { reconnect: 'none' } });
  await pass();
  const late = outcome(client.publish('/a', 1));
  await pass();
  expect(late.is).toBe('rejected');
  client.connect();
  await pass(1_000);
  expect(client.state).toBe('connected');
  server.publish('/a', 'back');
  await pass();
  expect(heard).toHaveBeenCalledWith('back');
});

test('advice in a published message steers nobody', async () => {
  const { server, client } = await connected(['websocket']);
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.log();
  server.publish('/a', 1, { advice: { reconnect: 'none' } });
  server.publish('/a', 2, { advice: { reconnect: 'handshake', interval: 0 } });
  server.publish('/a', 3, { advice: { interval: 3_600_000, timeout: 1 } });
  server.publish('/a', 4, { error: '401:session1:Unknown client' });
  await pass(90_000);
  expect(heard.mock.calls).toEqual([[1], [2], [3], [4]]);
  expect(client.clientId).toBe('session1');
  expect(server.log()).toEqual(['websocket /meta/connect', 'websocket /meta/connect']);
});

test('nor does it set the pace of connects', async () => {
  const { server, client } = await connected(['websocket']);
  await client.subscribe('/a', () => {});
  server.publish('/a', 3, { advice: { interval: 3_600_000, timeout: 1 } });
  const { connect } = server;
  connect!.reply();
  await pass();
  expect(server.connect).toBeDefined();
  expect(server.connect).not.toBe(connect);
});

test('a published message that claims to be a reply settles nothing and is delivered', async () => {
  const { server, client } = await connected(['websocket']);
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.rules['/b'] = () => undefined;
  const publication = outcome(client.publish('/b', 1));
  await pass();
  const { id } = server.last('/b').message;
  server.publish('/a', 'x', { id: id!, successful: true });
  await pass();
  expect(publication.is).toBe('pending');
  expect(heard).toHaveBeenCalledWith('x');
});
