/**
 * The token: where it is sent, and when its source is asked again.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));
const start = (): Server => world(['long-polling']);
const tokens = (server: Server, channel: string): unknown[] => server.sent(channel).map(({ message }) => message.ext?.['token']);

const claims = (exp: number): string => btoa(JSON.stringify({ exp })).replace(/=+$/, '').replace(/\+/g, '-').replace(/\//g, '_');
const jwt = (name: string, exp: number): string => `${name}.${claims(exp)}.signature`;

test('what is for the server itself carries it; publications never do', async () => {
  const server = start();
  const client = server.client({ token: 'secret' });
  const subscription = client.subscribe('/a', () => {});
  await subscription;
  await client.publish('/a', 1);
  subscription.cancel();
  await pass();
  await client.disconnect();
  expect(tokens(server, '/meta/handshake')).toEqual(['secret']);
  expect(tokens(server, '/meta/subscribe')).toEqual(['secret']);
  for (const { message } of server.sent()) {
    const carried = JSON.stringify(message).includes('secret');
    expect(carried, message.channel).toBe(message.channel.startsWith('/meta/'));
  }
});

test('a publication that is refused for want of a token is sent once more with it, as are later ones', async () => {
  const server = start();
  server.rules['/a'] = (arrival) =>
    arrival.message.ext?.['token'] ? server.usual(arrival) : { successful: false, error: '403:/a:Token required' };
  const client = server.client({ token: 'secret' });
  await Promise.all([client.publish('/a', 1), client.publish('/a', 2)]);
  await client.publish('/a', 3);
  expect(server.sent('/a').map(({ message }) => message.data)).toEqual([1, 2, 1, 2, 3]);
  expect(tokens(server, '/a')).toEqual([undefined, undefined, 'secret', 'secret', 'secret']);
});

test.each([
  ['with its token', '403:/a:Token required', { token: 'secret' }, 2],
  ['for another reason', '403:/a:Forbidden by the token', { token: 'secret' }, 1],
  ['with a token of a function', '403:/a:Forbidden by the token', { token: () => 'secret' }, 1],
  ['and there is no token', '403:/a:Token required', {}, 1],
])('a publication that is refused %s fails', async (_, error, options, attempts) => {
  const server = start();
  server.rules['/a'] = () => ({ successful: false, error });
  const publication = outcome(server.client(options).publish('/a', 1));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(server.sent('/a')).toHaveLength(attempts);
});

test('what an extension put into ext stays', async () => {
  const server = start();
  const client = server.client({ token: 'secret' });
  client.addExtension({
    outgoing: (message: any, callback: (message: any) => void) => {
      message.ext = { app: 'mine' };
      callback(message);
    },
  });
  client.connect();
  await pass();
  expect(server.sent()[0]!.message.ext).toEqual({ app: 'mine', token: 'secret' });
});

test.each([
  ['a function', () => 'fresh'],
  ['an asynchronous function', async () => 'fresh'],
])('%s is asked once, and its token used for the session', async (_, token) => {
  const server = start();
  const source = vi.fn(token);
  const client = server.client({ token: source });
  client.subscribe('/a', () => {});
  client.subscribe('/b', () => {});
  await pass();
  expect(source).toHaveBeenCalledTimes(1);
  expect(tokens(server, '/meta/handshake')).toEqual(['fresh']);
  expect(tokens(server, '/meta/subscribe')).toEqual(['fresh', 'fresh']);
});

test.each([401, 403])('when a handshake is refused with %i the source is asked once more, at once', async (code) => {
  const server = start();
  server.rules['/meta/handshake'] = (arrival) =>
    arrival.message.ext!['token'] === 'new' ? server.usual(arrival) : { successful: false, error: `${code}::Expired` };
  const source = vi.fn().mockReturnValueOnce('old').mockReturnValue('new');
  const client = server.client({ token: source });
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(tokens(server, '/meta/handshake')).toEqual(['old', 'new']);
  expect(publication.is).toBe('resolved');
});

test('when that is refused too, it waits like any other refusal', async () => {
  const server = start();
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '401::Expired' });
  const source = vi.fn(() => 'bad');
  server.client({ token: source }).connect();
  await pass();
  expect(server.sent()).toHaveLength(2);
  await pass(60_000);
  expect(server.sent().length).toBeLessThanOrEqual(8);
});

test('a fixed token is not tried twice', async () => {
  const server = start();
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '401::Expired' });
  server.client({ token: 'bad' }).connect();
  await pass(1_000);
  expect(server.sent()).toHaveLength(1);
});

test('another refusal does not ask the source', async () => {
  const server = start();
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '500::Trouble' });
  const source = vi.fn(() => 'good');
  server.client({ token: source }).connect();
  await pass(30_000);
  expect(server.sent().length).toBeGreaterThan(2);
  expect(source).toHaveBeenCalledTimes(1);
});

test('a source that fails counts as a refusal and is asked again later', async () => {
  const server = start();
  const source = vi.fn().mockRejectedValueOnce(new Error('The login server is away')).mockResolvedValue('good');
  const client = server.client({ token: source });
  const publication = outcome(client.publish('/a', 1));
  const subscription = outcome(client.subscribe('/b', () => {}));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error!.message).toContain('The login server is away');
  expect(subscription.is).toBe('pending');
  expect(server.sent()).toEqual([]);
  await pass(3_750);
  expect(subscription.is).toBe('resolved');
});

test('a source that throws at once is no different', async () => {
  const server = start();
  const source = vi.fn(() => {
    throw new Error('No storage');
  });
  const publication = outcome(server.client({ token: source }).publish('/a', 1));
  await pass();
  expect(publication.error!.message).toContain('No storage');
});

test('a JSON Web Token is renewed before it expires', async () => {
  const server = start();
  const seconds = Date.now() / 1000;
  const source = vi.fn().mockReturnValueOnce(jwt('first', seconds + 60)).mockReturnValue(jwt('second', seconds + 600));
  const client = server.client({ token: source });
  await client.subscribe('/a', () => {});
  await pass(50_000);
  await client.subscribe('/b', () => {});
  expect(source).toHaveBeenCalledTimes(1);
  await pass(6_000);
  await client.subscribe('/c', () => {});
  expect(source).toHaveBeenCalledTimes(2);
  expect(tokens(server, '/meta/subscribe').map((token) => String(token).split('.')[0])).toEqual(['first', 'first', 'second']);
});

test('a refused subscription has the source asked once more', async () => {
  const server = start();
  server.rules['/meta/subscribe'] = ({ message }) =>
    message.ext!['token'] === 'new' ? {} : { successful: false, error: '403:/a:Expired' };
  const source = vi.fn().mockReturnValueOnce('old').mockReturnValue('new');
  const subscription = outcome(server.client({ token: source }).subscribe('/a', () => {}));
  await pass();
  expect(tokens(server, '/meta/subscribe')).toEqual(['old', 'new']);
  expect(subscription.is).toBe('resolved');
});

test('the server takes a subscription away: the token is renewed and it asks again', async () => {
  const server = start();
  const source = vi.fn().mockReturnValueOnce('old').mockReturnValue('new');
  const client = server.client({ token: source });
  const heard = vi.fn();
  const refused = vi.fn();
  client.on('subscription:refused', refused);
  await client.subscribe('/a', heard);
  await pass();
  const { link } = server.connect!;
  link.push({ channel: '/meta/subscribe', successful: false, subscription: '/a', error: '403:/a:Expired' });
  server.connect!.reply();
  await pass();
  expect(tokens(server, '/meta/subscribe')).toEqual(['old', 'new']);
  expect(refused).not.toHaveBeenCalled();
  server.publish('/a', 'still');
  await pass();
  expect(heard).toHaveBeenCalledWith('still');
});

test('a token that expires again after a renewal that worked is renewed again', async () => {
  const server = start();
  let number = 0;
  const client = server.client({ token: () => `token${(number += 1)}` });
  await client.subscribe('/a', () => {});
  for (let round = 0; round < 3; round += 1) {
    await pass(60_000);
    server.connect!.link.push({ channel: '/meta/subscribe', successful: false, subscription: '/a', error: '403:/a:Expired' });
    server.connect!.reply();
    await pass();
  }
  expect(tokens(server, '/meta/subscribe')).toEqual(['token1', 'token2', 'token3', 'token4']);
});

test('several subscriptions that are refused together share one renewal', async () => {
  const server = start();
  server.rules['/meta/subscribe'] = ({ message }) =>
    message.ext!['token'] === 'old' ? { successful: false, error: '403::Expired' } : {};
  const source = vi.fn().mockReturnValueOnce('old').mockReturnValue('new');
  const client = server.client({ token: source });
  const all = ['/a', '/b', '/c'].map((channel) => outcome(client.subscribe(channel, () => {})));
  await pass();
  expect(all.map(({ is }) => is)).toEqual(['resolved', 'resolved', 'resolved']);
  expect(source).toHaveBeenCalledTimes(2);
});
