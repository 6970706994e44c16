/**
 * Replay: a subscription says after which message it goes on.
 */

import { expect, test, vi } from 'vitest';
import type { ReplaySource } from '../src/replay.js';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

function start(replay: ReplaySource, offered: unknown = true): { server: Server; client: ReturnType<Server['client']> } {
  const server = world(['websocket']);
  server.rules['/meta/handshake'] = (arrival) => ({ ...server.usual(arrival), ext: { replay: offered } });
  return { server, client: server.client({ replay }) };
}

const asked = (server: Server): unknown[] => server.sent('/meta/subscribe').map(({ message }) => message.ext?.['replay']);
const at = (id: number): object => ({ ext: { replay: { id } } });

test.each([
  [-1, -1], [-2, -2], [17, 17], [{ '/a': 5 }, 5], [{ '/b': 5 }, -1],
] as [ReplaySource, number][])('with the option %o it begins with %i', async (source, position) => {
  const { server, client } = start(source);
  await client.subscribe('/a', () => {});
  expect(server.sent('/meta/handshake')[0]!.message.ext).toEqual({ replay: true });
  expect(asked(server)).toEqual([{ '/a': position }]);
});

test('with the option true the server decides how a new subscription begins', async () => {
  const { server, client } = start(true);
  await client.subscribe('/a', () => {});
  expect(server.sent('/meta/handshake')[0]!.message.ext).toEqual({ replay: true });
  expect(asked(server)).toEqual([undefined]);
});

test.each([null, false, {}])('where the server offers %o nothing is said', async (offered) => {
  const { server, client } = start(true, offered);
  await client.subscribe('/a', () => {});
  expect(asked(server)).toEqual([undefined]);
});

test('after a lost session it goes on after the last message that arrived', async () => {
  const { server, client } = start(true);
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  await client.subscribe('/b', () => {});
  server.publish('/a', 'x', at(41));
  server.publish('/a', 'y', at(42));
  server.forget();
  await pass(1_000);
  expect(asked(server).slice(2)).toEqual([{ '/a': 42 }, undefined]);
});

test("Salesforce's positions are read too", async () => {
  const { server, client } = start(true);
  await client.subscribe('/a', () => {});
  server.publish('/a', { event: { replayId: 9 } });
  server.forget();
  await pass(1_000);
  expect(asked(server)[1]).toEqual({ '/a': 9 });
});

test('a pattern names each channel that was heard under it', async () => {
  const { server, client } = start(true);
  await client.subscribe('/a/*', () => {});
  server.publish('/a/x', 1, at(5));
  server.publish('/a/y', 1, at(6));
  server.publish('/other', 1, at(7));
  server.forget();
  await pass(1_000);
  expect(asked(server)[1]).toEqual({ '/a/*': -1, '/a/x': 5, '/a/y': 6 });
});

test('a position that is too old: the application is told, and it begins anew', async () => {
  const { server, client } = start(true);
  const gap = vi.fn();
  const refused = vi.fn();
  client.on('replay:gap', gap);
  client.on('subscription:refused', refused);
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.publish('/a', 1, at(5));
  server.rules['/meta/subscribe'] = ({ message }) =>
    (message.ext?.['replay'] as Record<string, number> | undefined)?.['/a'] === 5 ? { successful: false, error: '400:/a:Position unknown' } : {};
  server.forget();
  await pass(1_000);
  expect(gap).toHaveBeenCalledTimes(1);
  expect(gap.mock.calls[0]![0]).toMatchObject({ channel: '/a', error: { code: 400 } });
  expect(asked(server).slice(1)).toEqual([{ '/a': 5 }, undefined]);
  expect(refused).not.toHaveBeenCalled();
  server.publish('/a', 2);
  expect(heard).toHaveBeenCalledTimes(2);
});

test('a first position that the server does not accept is a refusal', async () => {
  const { server, client } = start(17);
  server.rules['/meta/subscribe'] = () => ({ successful: false, error: '400:/a:Position unknown' });
  const subscription = outcome(client.subscribe('/a', () => {}));
  await pass();
  expect(subscription.is).toBe('rejected');
  expect(asked(server)).toHaveLength(1);
});

test('replies and messages without a position change nothing', async () => {
  const { server, client } = start(true);
  await client.subscribe('/a', () => {});
  server.publish('/a', 1, at(5));
  server.publish('/a', 2);
  server.publish('/a', 3, { ext: { replay: { id: 'nonsense' } } });
  server.publish('/a', null);
  server.forget();
  await pass(1_000);
  expect(asked(server)[1]).toEqual({ '/a': 5 });
});

test('with the option false there is no replay', async () => {
  const { server, client } = start(false);
  await client.subscribe('/a', () => {});
  expect(server.sent('/meta/handshake')[0]!.message.ext).toBe(undefined);
  expect(asked(server)).toEqual([undefined]);
});

/** A server that tells of each subscription, as faye-server does. */
function telling(told: object = { recovered: true, cursor: 'c1' }): ReturnType<typeof start> {
  const started = start(true);
  started.server.rules['/meta/subscribe'] = ({ message }) => ({ ext: { replay: { [String(message.subscription)]: told } } });
  return started;
}

test('a subscription to a pattern goes on after its cursor, and after what was received since', async () => {
  const { server, client } = telling();
  await client.subscribe('/a/*', () => {});
  server.publish('/a/x', 1, at(5));
  server.forget();
  await pass(1_000);
  expect(asked(server)).toEqual([undefined, { '/a/*': 'c1', '/a/x': 5 }]);
});

test('a cursor of a connect is one for all subscriptions', async () => {
  const { server, client } = telling();
  await client.subscribe('/a/*', () => {});
  await client.subscribe('/b/*', () => {});
  server.publish('/meta/connect', undefined, { successful: true, ext: { replay: { cursor: 'c2' } } });
  await pass();
  server.forget();
  await pass(1_000);
  expect(asked(server).slice(2)).toEqual([{ '/a/*': 'c2' }, { '/b/*': 'c2' }]);
});

test('lost messages are told once, and the positions are replaced', async () => {
  const { server, client } = telling();
  const gap = vi.fn();
  client.on('replay:gap', gap);
  await client.subscribe('/a/*', () => {});
  server.publish('/a/x', 1, at(5));
  server.rules['/meta/subscribe'] = () => ({ ext: { replay: { '/a/*': { recovered: false, cursor: 'c9' } } } });
  server.forget();
  await pass(1_000);
  expect(gap).toHaveBeenCalledTimes(1);
  expect(gap.mock.calls[0]![0]).toMatchObject({ channel: '/a/*' });
  server.forget();
  await pass(20_000);
  expect(asked(server)[2]).toEqual({ '/a/*': 'c9' });
});

test('a notice of the server tells of a gap in the stream', async () => {
  const { server, client } = telling();
  const gap = vi.fn();
  client.on('replay:gap', gap);
  const refused = vi.fn();
  client.on('subscription:refused', refused);
  await client.subscribe('/a/*', () => {});
  server.publish('/meta/subscribe', undefined, { successful: true, subscription: '/a/*', ext: { 'faye:gap': { reason: 'history' } } });
  await pass();
  expect(gap).toHaveBeenCalledTimes(1);
  expect(gap.mock.calls[0]![0]).toMatchObject({ channel: '/a/*' });
  expect(refused).not.toHaveBeenCalled();
});
