/**
 * Acknowledged messages: each connect says which batch has arrived.
 */

import { expect, test } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(ext: object | undefined, options: object = { ack: true }): Promise<Server> {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = (arrival) => ({ ...server.usual(arrival), ext: ext as Record<string, unknown> });
  server.client(options).connect();
  await pass();
  return server;
}

const last = (server: Server): unknown => server.last('/meta/connect').message.ext;

test('the handshake asks for it, and connects carry the number of the last batch', async () => {
  const server = await connected({ ack: true });
  expect(server.sent('/meta/handshake')[0]!.message.ext).toEqual({ ack: true });
  expect(last(server)).toEqual({ ack: 0 });
  server.connect!.reply({ ext: { ack: 7 } });
  await pass();
  expect(last(server)).toEqual({ ack: 7 });
  server.connect!.reply({});
  await pass();
  expect(last(server)).toEqual({ ack: 7 });
});

test('a server may say where to begin', async () => {
  const server = await connected({ ack: { enabled: true, batch: 3 } });
  expect(last(server)).toEqual({ ack: 3 });
});

test.each([undefined, {}, { ack: false }, { ack: { enabled: false } }])('a handshake with ext %o: the server does not have it', async (ext) => {
  const server = await connected(ext);
  expect(last(server)).toBe(undefined);
  server.connect!.reply({ ext: { ack: 7 } });
  await pass();
  expect(last(server)).toBe(undefined);
});

test('a refused connect does not count', async () => {
  const server = await connected({ ack: true });
  server.connect!.reply({ successful: false, error: '500::No', ext: { ack: 9 } });
  await pass(10_000);
  expect(last(server)).toEqual({ ack: 0 });
});

test('a new session begins anew', async () => {
  const server = await connected({ ack: true });
  server.connect!.reply({ ext: { ack: 7 } });
  await pass();
  server.forget();
  await pass(1_000);
  expect(last(server)).toEqual({ ack: 0 });
});

test('without the option nothing is said', async () => {
  const server = await connected({ ack: true }, {});
  expect(server.sent('/meta/handshake')[0]!.message.ext).toBe(undefined);
  expect(last(server)).toBe(undefined);
});
