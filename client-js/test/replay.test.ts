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

test('a message that comes twice is delivered once, also after a lost session', async () => {
  const { server, client } = telling();
  const heard: unknown[] = [];
  const seen: unknown[] = [];
  client.addExtension({
    incoming: (message, callback) => {
      if (message.channel === '/a/x') seen.push(message.data);
      callback(message);
    },
  });
  await client.subscribe('/a/*', (data) => heard.push(data));
  server.publish('/a/x', 'one', at(5));
  server.publish('/a/x', 'two', at(6));
  server.publish('/a/x', 'one', at(5));
  server.publish('/a/x', 'two', at(6));
  server.publish('/a/y', 'of another channel', at(4));
  server.forget();
  await pass(1_000);
  server.publish('/a/x', 'two', at(6));
  server.publish('/a/x', 'three', at(7));
  expect(heard).toEqual(['one', 'two', 'of another channel', 'three']);
  expect(seen).toEqual(['one', 'two', 'three']);
});

test('messages that others have overtaken are delivered', async () => {
  const { server, client } = telling();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  for (const id of [3, 1, 5, 4, 1, 3, 5, 2]) server.publish('/a', id, at(id));
  expect(heard).toEqual([3, 1, 5, 4, 2]);
  server.forget();
  await pass(1_000);
  expect(asked(server)[1]).toEqual({ '/a': 5 });
  // Among so many the first ones are old.
  for (let id = 10; id < 150; id += 1) server.publish('/a', id, at(id));
  for (const id of [6, 20, 149, 150]) server.publish('/a', id, at(id));
  expect(heard.slice(-2)).toEqual([149, 150]);
  expect(heard).toHaveLength(5 + 141);
});

test('the position of a reply does not hide messages that another subscription still brings', async () => {
  const { server, client } = telling();
  const heard: unknown[] = [];
  await client.subscribe('/a/*', (data) => heard.push(data));
  server.rules['/meta/subscribe'] = () => ({ ext: { replay: { '/a/x': { recovered: true, cursor: 'c2', position: 9 } } } });
  await client.subscribe('/a/x', () => {});
  server.publish('/a/x', 1, at(8));
  server.publish('/a/x', 2, at(9));
  expect(heard).toEqual([1, 2]);
});

test.each([
  ['lost messages', (server: Server) => {
    server.rules['/meta/subscribe'] = () => ({ ext: { replay: { '/a': { recovered: false, cursor: 'c9', position: 1 } } } });
    server.forget();
  }],
  ['a gap of the cluster', (server: Server) => server.publish('/meta/subscribe', undefined, {
    successful: true, subscription: '/a', ext: { 'faye:gap': { reason: 'cluster' } },
  })],
] as [string, (server: Server) => void][])('after %s lower positions are delivered', async (_, happen) => {
  const { server, client } = telling();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  server.publish('/a', 'before', at(5));
  happen(server);
  await pass(1_000);
  server.publish('/a', 'after', at(2));
  server.publish('/a', 'again', at(2));
  expect(heard).toEqual(['before', 'after']);
});

test("after a gap of a replay, or of a killed instance, what comes twice is delivered once", async () => {
  const { server, client } = telling();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  server.publish('/a', 1, at(5));
  for (const reason of ['history', 'instance']) {
    server.publish('/meta/subscribe', undefined, { successful: true, subscription: '/a', ext: { 'faye:gap': { reason } } });
    server.publish('/a', 1, at(5));
  }
  expect(heard).toEqual([1]);
});

test('a subscription begins where it says, and goes on after that', async () => {
  const { server, client } = telling();
  await client.subscribe('/a/*', () => {});
  server.publish('/a/x', 1, at(5));
  const heard: unknown[] = [];
  // The messages of the pattern's channel are new to this listener.
  await client.subscribe('/a/x', (data) => heard.push(data), undefined, { replay: -2 });
  server.publish('/a/x', 0, at(4));
  server.publish('/a/x', 1, at(5));
  expect(heard).toEqual([0, 1]);
  await client.subscribe(['/b', '/c'], () => {}, undefined, { replay: -1 })[1];
  server.forget();
  await pass(1_000);
  expect(asked(server)).toEqual([undefined, { '/a/x': -2 }, { '/b': -1 }, { '/c': -1 },
    { '/a/*': 'c1', '/a/x': 5 }, { '/a/x': 5 }, { '/b': 'c1' }, { '/c': 'c1' }]);
  expect(() => client.subscribe('/d', () => {}, undefined, { position: 1 } as object)).toThrow('Unrecognized option');
});

test('without cursors, too, a subscription begins once where it says', async () => {
  const { server, client } = start(true);
  await client.subscribe('/a', () => {}, undefined, { replay: -2 });
  server.publish('/a', { event: { replayId: 3 } });
  server.forget();
  await pass(1_000);
  await client.subscribe('/a', () => {}, undefined, { replay: -2 });
  server.forget();
  await pass(20_000);
  expect(asked(server)).toEqual([{ '/a': -2 }, { '/a': 3 }, { '/a': 3 }]);
});

test('a subscription that was ended begins as a new one', async () => {
  const { server, client } = telling();
  await client.subscribe('/a', () => {}, undefined, { replay: -2 });
  server.publish('/a', 1, at(5));
  client.unsubscribe('/a');
  await client.subscribe('/a', () => {});
  client.unsubscribe('/a');
  await client.subscribe('/a', () => {}, undefined, { replay: 4 });
  expect(asked(server)).toEqual([{ '/a': -2 }, undefined, { '/a': 4 }]);
});

test('a cursor of a connect does not hold for a subscription that the server has not accepted', async () => {
  const { server, client } = telling();
  await client.subscribe('/a/*', () => {});
  server.rules['/meta/subscribe'] = () => undefined;
  server.forget();
  await pass(1_000);
  // Before the reply to the subscription.
  server.publish('/meta/connect', undefined, { successful: true, ext: { replay: { cursor: 'c2' } } });
  await pass();
  server.forget();
  await pass(20_000);
  expect(asked(server).slice(1)).toEqual([{ '/a/*': 'c1' }, { '/a/*': 'c1' }]);
});
