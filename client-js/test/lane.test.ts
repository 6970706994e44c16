/**
 * How messages share requests and frames: together when they are sent together, one request after the other.
 */

import { expect, test } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(types: string[]): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(types);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.log();
  return { server, client };
}

/** The data of the publications in each request that holds any. */
const batches = (server: Server, type: string): unknown[][] =>
  server.made(type)
    .map(({ arrivals }) => arrivals.filter(({ message }) => 'data' in message).map(({ message }) => message.data))
    .filter((batch) => batch.length > 0);

test('what is sent in one go leaves in one request', async () => {
  const { server, client } = await connected(['long-polling']);
  for (const number of [1, 2, 3]) void client.publish('/a', number);
  await pass();
  expect(batches(server, 'long-polling')).toEqual([[1, 2, 3]]);
});

test('and in one frame of a socket, but connects have frames of their own', async () => {
  const { server, client } = await connected(['websocket']);
  for (const number of [1, 2, 3]) void client.publish('/a', number);
  await pass();
  const frames = server.socket.frames.map((frame) => JSON.parse(frame).map(({ channel }: { channel: string }) => channel));
  expect(frames.at(-1)).toEqual(['/a', '/a', '/a']);
  expect(frames.filter((channels) => channels.includes('/meta/connect') && channels.length > 1)).toEqual([]);
});

test('batch holds messages back until it ends, also when it throws', async () => {
  const { server, client } = await connected(['long-polling']);
  const context = {};
  client.batch(function (this: unknown) {
    expect(this).toBe(context);
    void client.publish('/a', 1);
    client.batch(() => void client.publish('/a', 2));
    void client.publish('/a', 3);
  }, context);
  await pass();
  expect(batches(server, 'long-polling')).toEqual([[1, 2, 3]]);
  expect(() => client.batch(() => {
    void client.publish('/a', 4);
    throw new Error('Mine');
  })).toThrow('Mine');
  await pass();
  expect(batches(server, 'long-polling')).toEqual([[1, 2, 3], [4]]);
});

test('one request with messages at a time; the connect is held beside it', async () => {
  const { server, client } = await connected(['long-polling']);
  const { connect } = server;
  server.rules['/a'] = () => undefined;
  void client.publish('/a', 1);
  await pass();
  void client.publish('/a', 2);
  await pass();
  void client.publish('/a', 3);
  await pass(1_000);
  expect(batches(server, 'long-polling')).toEqual([[1]]);
  delete server.rules['/a'];
  server.last('/a').reply();
  await pass();
  expect(batches(server, 'long-polling')).toEqual([[1], [2, 3]]);
  expect(server.connect).toBe(connect);
  expect(connect!.link.isOver).toBe(false);
});

test('a connect goes out while another request is open', async () => {
  const { server, client } = await connected(['long-polling']);
  server.rules['/a'] = () => undefined;
  void client.publish('/a', 1);
  await pass();
  server.log();
  server.connect!.reply({ advice: server.advice });
  await pass();
  expect(server.log()).toEqual(['long-polling /meta/connect']);
  expect(server.connect).toBeDefined();
});

test('a connect that shares a request is to be answered at once', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.subscribe('/a', () => {});
  await pass();
  const [first, second] = server.sent('/meta/connect');
  expect(first!.link).toBe(server.last('/meta/subscribe').link);
  expect(first!.message.advice).toEqual({ timeout: 0 });
  expect(second!.link.arrivals).toHaveLength(1);
  expect(second!.message.advice).toBe(undefined);
});

test('a request is not larger than 64 KiB, unless one message is', async () => {
  const { server, client } = await connected(['long-polling']);
  const text = 'x'.repeat(30_000);
  for (const number of [1, 2, 3, 4, 5]) void client.publish('/a', `${number}${text}`);
  void client.publish('/a', `6${text.repeat(4)}`);
  await pass();
  const sizes = batches(server, 'long-polling').map((batch) => batch.map((data) => String(data)[0]));
  expect(sizes).toEqual([['1', '2'], ['3', '4'], ['5'], ['6']]);
});

test('a request holds 100 messages at most', async () => {
  const { server, client } = await connected(['long-polling']);
  for (let number = 0; number < 250; number += 1) void client.publish('/a', number);
  await pass();
  expect(batches(server, 'long-polling').map(({ length }) => length)).toEqual([100, 100, 50]);
  expect(batches(server, 'long-polling').flat()).toEqual(Array.from({ length: 250 }, (_, number) => number));
});

test('frames of a socket are not larger than 64 KiB either', async () => {
  const { server, client } = await connected(['websocket']);
  const text = 'x'.repeat(30_000);
  for (const number of [1, 2, 3, 4, 5]) void client.publish('/a', `${number}${text}`);
  await pass();
  const frames = server.socket.frames.filter((frame) => frame.includes('xxx'));
  expect(frames.map((frame) => JSON.parse(frame).length)).toEqual([2, 2, 1]);
});
