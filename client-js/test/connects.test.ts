/**
 * The cycle of connects: one is always under way, at the pace that the server wants.
 */

import { expect, test } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

const gaps = (server: Server, from = 0): number[] => {
  const times = server.sent('/meta/connect').map(({ at }) => at).slice(from);
  return times.slice(1).map((at, index) => at - times[index]!);
};

test.each([[['long-polling']], [['websocket']], [['websocket', 'long-polling']]])(
  'over %o: the next follows as soon as one is answered', async (types) => {
    const server = world(types);
    server.client().connect();
    await pass(225_500);
    expect(gaps(server).filter((gap) => gap > 0)).toEqual([45_000, 45_000, 45_000, 45_000, 45_000]);
    expect(server.sent('/meta/connect').filter(({ isAnswered, link }) => !isAnswered && !link.isOver)).toHaveLength(1);
  });

test('a connect names the session and the transport', async () => {
  const server = world(['websocket']);
  server.client().connect();
  await pass();
  expect(server.last('/meta/connect').message).toEqual({
    channel: '/meta/connect', clientId: 'session1', connectionType: 'websocket', id: expect.any(String),
  });
});

test('the interval of the advice lies between two', async () => {
  const server = world(['long-polling']);
  server.advice = { reconnect: 'retry', interval: 3_000, timeout: 10_000 };
  server.client().connect();
  await pass(60_000);
  // The first is answered at once.
  expect(gaps(server)).toEqual([3_000, 13_000, 13_000, 13_000, 13_000]);
});

test('so does the option interval, until the server says otherwise', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = (arrival) => ({ ...server.usual(arrival), advice: undefined! });
  server.rules['/meta/connect'] = () => undefined;
  server.client({ interval: 2 }).connect();
  await pass();
  server.connect!.reply();
  await pass(1_900);
  expect(server.sent('/meta/connect')).toHaveLength(1);
  await pass(200);
  expect(server.sent('/meta/connect')).toHaveLength(2);
  server.connect!.reply({ advice: { interval: 0 } });
  await pass();
  expect(server.sent('/meta/connect')).toHaveLength(3);
});

test('a partial advice changes only what it names', async () => {
  const server = world(['long-polling']);
  server.client().connect();
  await pass();
  server.connect!.reply({ advice: { interval: 1_000 } });
  await pass(1_000);
  server.stop();
  await pass(53_900);
  const { link } = server.last('/meta/connect');
  expect(link.isOver).toBe(false);
  await pass(200);
  expect(link.isOver).toBe(true);
});

test('nonsense as advice is not heeded', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass();
  server.connect!.reply({ advice: { interval: 'soon', timeout: -1, reconnect: 'perhaps' } as never });
  await pass();
  expect(server.connect).toBeDefined();
  expect(client.state).toBe('connected');
});

test('a server that answers connects at once is not asked without pause', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/connect'] = () => ({});
  server.client().connect();
  await pass(60_000);
  expect(server.sent('/meta/connect').length).toBeLessThan(30);
  expect(Math.max(...gaps(server))).toBeLessThanOrEqual(5_000);
});

test('a connect that is answered at once because it brings a message is no such case', async () => {
  const server = world(['long-polling']);
  const heard: unknown[] = [];
  await server.client().subscribe('/a', (data) => heard.push(data));
  for (let number = 0; number < 100; number += 1) {
    server.publish('/a', number);
    await pass();
  }
  expect(heard).toHaveLength(100);
  expect(server.connect).toBeDefined();
});

test('a refused connect is repeated, but not at once', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/connect'] = () => ({ successful: false, error: '500::Internal' });
  const client = server.client();
  client.connect();
  await pass(60_000);
  expect(server.sent('/meta/connect').length).toBeLessThan(20);
  expect(server.sent('/meta/connect').length).toBeGreaterThan(5);
  delete server.rules['/meta/connect'];
  await pass(10_000);
  expect(server.connect).toBeDefined();
});

test('a connect that is refused once, as while a session moves, is repeated within a second', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  for (let round = 0; round < 3; round += 1) {
    server.connect!.reply({ successful: false, error: '503::Session out of reach, try again' });
    await pass(1_000);
    expect(server.connect).toBeDefined();
    server.connect!.reply({});
    await pass();
  }
  server.rules['/meta/connect'] = () => ({ successful: false, error: '503::Session out of reach, try again' });
  server.log();
  server.connect!.reply({ successful: false, error: '503::Session out of reach, try again' });
  await pass(20_000);
  expect(server.log().length).toBeLessThan(8);
});

test('a connect that was held though the advised timeout is 0 has used up its interval', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/connect'] = () => undefined;
  server.client().connect();
  await pass();
  await pass(3_000);
  // Faye's server with event streams: a session lives for two such intervals.
  server.connect!.reply({ advice: { reconnect: 'retry', interval: 3_000, timeout: 0 } });
  await pass(100);
  expect(server.sent('/meta/connect')).toHaveLength(2);
  server.connect!.reply({ advice: { reconnect: 'retry', interval: 3_000, timeout: 0 } });
  await pass(2_800);
  expect(server.sent('/meta/connect')).toHaveLength(2);
  await pass(200);
  expect(server.sent('/meta/connect')).toHaveLength(3);
});
