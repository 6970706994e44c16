/**
 * The text of a message is made once: what the application does with its objects afterwards changes nothing.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

const TYPES = [['websocket'], ['long-polling'], ['eventsource', 'long-polling']];
const over = TYPES.map((types) => [types] as const);

const dataOf = (server: Server, channel = '/a'): unknown[] => server.sent(channel).map(({ message }) => message.data);

/** An object that leads back to itself. */
function circular(): object {
  const object: Record<string, unknown> = { x: 1 };
  object['self'] = object;
  return object;
}

test.each(over)('over %o: an object that is changed between two publications is sent in both states', async (types) => {
  const server = world(types);
  const client = server.client();
  client.connect();
  await pass(1_000);
  const object = { x: 1, deep: [1] };
  const all = [client.publish('/a', object)];
  object.x = 2;
  object.deep.push(2);
  all.push(client.publish('/a', object));
  object.x = 3;
  await Promise.all(all);
  expect(dataOf(server)).toEqual([{ x: 1, deep: [1] }, { x: 2, deep: [1, 2] }]);
});

test.each(over)('over %o: so is one that was published before there is a session', async (types) => {
  const server = world(types);
  const client = server.client();
  const object = { x: 1 };
  const all = [client.publish('/a', object)];
  object.x = 2;
  all.push(client.publish('/a', object));
  object.x = 3;
  await Promise.all(all);
  expect(dataOf(server)).toEqual([{ x: 1 }, { x: 2 }]);
});

test.each(over)('over %o: what is sent again is what was sent at first', async (types) => {
  const server = world(types);
  const client = server.client({ retry: 1 });
  client.connect();
  await pass(1_000);
  server.rules['/a'] = () => undefined;
  const object: Record<string, unknown> = { x: 1 };
  const all = [outcome(client.publish('/a', object)), outcome(client.publish('/a', 'behind'))];
  await pass();
  object['x'] = object;
  delete server.rules['/a'];
  for (const link of server.links) if (!link.isOver) link.cut();
  await pass(10_000);
  expect(all.map(({ is }) => is)).toEqual(['resolved', 'resolved']);
  for (const data of dataOf(server)) expect([{ x: 1 }, 'behind']).toContainEqual(data);
});

test.each(over)('over %o: a session that the server forgot gets the same text in the next one', async (types) => {
  const server = world(types);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.session = undefined;
  const object = { x: 1 };
  const publication = outcome(client.publish('/a', object));
  object.x = 2;
  await pass(10_000);
  expect(publication.is).toBe('resolved');
  expect(dataOf(server)).toEqual([{ x: 1 }, { x: 1 }]);
  expect(server.sent('/a').map(({ message }) => message.clientId)).toEqual(['session1', 'session2']);
});

const NOT_JSON: [string, () => unknown, RegExp][] = [
  ['an object that leads back to itself', circular, /Not JSON.*circular/i],
  ['a BigInt', () => ({ n: 1n }), /Not JSON.*BigInt/i],
  ['a toJSON that throws', () => ({ toJSON: () => { throw new Error('mine'); } }), /Not JSON.*mine/],
  ['a getter that throws', () => ({ get x() { throw new Error('mine'); } }), /Not JSON.*mine/],
  ['undefined', () => undefined, /No data: undefined/],
  ['a function', () => () => {}, /No data: function/],
  ['a symbol', () => Symbol('x'), /No data: symbol/],
];

test.each(NOT_JSON)('%s is rejected at the call, with and without a session, and holds up nothing', async (_, make, expected) => {
  const server = world(['long-polling']);
  const client = server.client();
  for (const time of [0, 1_000]) {
    await pass(time);
    const bad = outcome(client.publish('/bad', make()));
    const good = outcome(client.publish('/good', 1));
    await Promise.resolve();
    expect(bad.is).toBe('rejected');
    expect(bad.error!.message).toMatch(expected);
    await pass(1_000);
    expect(good.is).toBe('resolved');
  }
  expect(server.sent('/bad')).toEqual([]);
});

test('null, false and nought are data', async () => {
  const server = world();
  const client = server.client();
  await Promise.all([null, false, 0, ''].map((data) => client.publish('/a', data)));
  expect(dataOf(server)).toEqual([null, false, 0, '']);
});

test('what is published has the form that JSON gives it', async () => {
  const server = world();
  const client = server.client();
  await client.publish('/a', { at: new Date(0), none: undefined, list: [undefined], mine: { toJSON: () => 'mine' } });
  expect(dataOf(server)).toEqual([{ at: '1970-01-01T00:00:00.000Z', list: [null], mine: 'mine' }]);
});

test('an extension sees and changes the message once, but not the object of the application', async () => {
  const server = world(['long-polling']);
  const client = server.client({ retry: 1 });
  const outgoing = vi.fn((message, callback) => {
    if (message.channel === '/a') message.data.count = (message.data.count ?? 0) + 1;
    callback(message);
  });
  client.addExtension({ outgoing });
  const object = { x: 1 };
  const publication = outcome(client.publish('/a', object));
  server.rules['/a'] = () => undefined;
  await pass(1_000);
  delete server.rules['/a'];
  for (const link of server.links) if (!link.isOver) link.cut();
  await pass(10_000);
  expect(publication.is).toBe('resolved');
  expect(dataOf(server)).toEqual([{ x: 1, count: 1 }, { x: 1, count: 1 }]);
  expect(object).toEqual({ x: 1 });
  expect(outgoing.mock.calls.filter(([{ channel }]) => channel === '/a')).toHaveLength(1);
});

test('an extension that takes its time gets the state of the call, and its own changes afterwards do not count', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  const given: { message: any; callback: (message: any) => void }[] = [];
  client.addExtension({ outgoing: (message, callback) => void given.push({ message, callback }) });
  const object = { x: 1 };
  const publication = outcome(client.publish('/a', object));
  object.x = 2;
  await pass();
  const [{ message, callback }] = given as [(typeof given)[0]];
  expect(message.data).toEqual({ x: 1 });
  message.data.y = 1;
  callback(message);
  message.data.y = circular();
  await pass();
  expect(publication.is).toBe('resolved');
  expect(dataOf(server)).toEqual([{ x: 1, y: 1 }]);
});

test.each(over)('over %o: ext of an extension is sent as it was when the message was made', async (types) => {
  const server = world(types);
  const client = server.client({ retry: 1 });
  const ext: Record<string, unknown> = { password: 'one' };
  client.addExtension({
    outgoing: (message, callback) => {
      message.ext = ext;
      callback(message);
    },
  });
  server.rules['/meta/handshake'] = () => undefined;
  client.subscribe('/a', () => {});
  await pass();
  ext['password'] = ext;
  delete server.rules['/meta/handshake'];
  for (const link of server.links) if (!link.isOver) link.cut();
  await pass(1_000);
  for (const { message } of server.sent('/meta/handshake')) expect(message.ext).toEqual({ password: 'one' });
  expect(server.sent('/meta/handshake').length).toBeGreaterThan(1);
  ext['password'] = 'two';
  await pass(10_000);
  const subscription = outcome(client.subscribe('/b', () => {}));
  ext['password'] = ext;
  await pass(1_000);
  expect(subscription.is).toBe('resolved');
  expect(server.last('/meta/subscribe').message.ext).toEqual({ password: 'two' });
  ext['password'] = 'three';
});

test('the endpoint and the options are those of the call', async () => {
  const server = world(['long-polling']);
  const endpoint = new URL('http://server.test/faye');
  const endpoints = { 'long-polling': 'http://server.test/poll' };
  const client = server.client({ endpoints }, endpoint);
  endpoint.pathname = '/other';
  endpoints['long-polling'] = 'http://server.test/other';
  client.connect();
  await pass(1_000);
  expect(new Set(server.links.map(({ endpoint }) => endpoint))).toEqual(new Set(['http://server.test/poll']));
});

test('what cannot be written as JSON in a message to the server itself fails that message alone', async () => {
  const server = world();
  const client = server.client();
  client.addExtension({
    outgoing: (message, callback) => {
      if (message.subscription === '/bad') message.ext = circular();
      callback(message);
    },
  });
  const bad = outcome(client.subscribe('/bad', () => {}));
  const good = outcome(client.subscribe('/good', () => {}));
  await pass(1_000);
  expect(bad).toMatchObject({ is: 'rejected', error: { message: expect.stringMatching(/Not JSON/) } });
  expect(good.is).toBe('resolved');
});
