/**
 * One message that a server will not take does not keep the others from it.
 */

import { expect, test } from 'vitest';
import { RequestLink } from './links.js';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

/** A server that answers every request that holds a bad message with a status. */
async function strict(status: number): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  const receive = server.receive.bind(server);
  server.receive = (link, messages) => {
    if (!messages.some(({ data }) => String(data).startsWith('bad'))) return receive(link, messages);
    server.rules['/a'] = () => undefined;
    receive(link, messages);
    delete server.rules['/a'];
    (link as RequestLink).respond(status);
  };
  return { server, client };
}

test.each([400, 413])('status %i to a request with several: the message at fault is found', async (status) => {
  const { server, client } = await strict(status);
  const all = ['1', '2', 'bad', '3', '4'].map((data) => outcome(client.publish('/a', data)));
  await pass(1_000);
  expect(all.map(({ is }) => is)).toEqual(['resolved', 'resolved', 'rejected', 'resolved', 'resolved']);
  expect(all[2]!.error).toMatchObject({ code: status });
  const good = server.sent('/a').filter(({ isAnswered }) => isAnswered).map(({ message }) => message.data);
  expect(good).toEqual(['1', '2', '3', '4']);
});

test('later messages share requests again', async () => {
  const { server, client } = await strict(413);
  for (const data of ['1', 'bad']) void client.publish('/a', data);
  await pass(1_000);
  for (const data of ['2', '3']) void client.publish('/a', data);
  await pass();
  expect(server.sent('/a').slice(-2)[0]!.link).toBe(server.last('/a').link);
});

test('a handshake that is answered with 400 is no hot loop', async () => {
  const server = world(['long-polling']);
  server.health['long-polling'] = 400;
  const client = server.client();
  client.connect();
  await pass(60_000);
  expect(server.sent().length).toBeGreaterThan(2);
  expect(server.sent().length).toBeLessThan(8);
  delete server.health['long-polling'];
  await pass(60_000);
  expect(client.state).toBe('connected');
});

test('a connect that is answered with 413 is no hot loop', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  const from = server.sent().length;
  server.health['long-polling'] = 413;
  server.connect!.reply({ advice: server.advice });
  await pass(60_000);
  expect(server.sent().length - from).toBeLessThan(8);
  delete server.health['long-polling'];
  await pass(60_000);
  expect(client.state).toBe('connected');
});

test('a socket that is closed with 1009 rejects the largest publication, and the others go on', async () => {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = () => undefined;
  const all = ['small', 'large'.repeat(1_000), 'little'].map((data) => outcome(client.publish('/a', data)));
  await pass();
  delete server.rules['/a'];
  server.socket.cut(1009);
  await pass(2_000);
  expect(all.map(({ is }) => is)).toEqual(['resolved', 'rejected', 'resolved']);
  expect(all[1]!.error).toMatchObject({ code: 413 });
  expect(client.transport).toBe('websocket');
  expect(client.state).toBe('connected');
});

test('1009 with nothing published is a failure like any other', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/meta/subscribe'] = () => undefined;
  const subscription = outcome(client.subscribe('/a/channel/with/a/name/that/makes/it/the/largest', () => {}));
  await pass();
  delete server.rules['/meta/subscribe'];
  server.socket.cut(1009);
  await pass(2_000);
  expect(client.state).toBe('connected');
  expect(subscription.is).toBe('resolved');
});
