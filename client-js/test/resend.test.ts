/**
 * Messages that get no reply are sent again, as the same messages and in the same order.
 */

import { expect, test } from 'vitest';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));
const noReply = (): undefined => undefined;

test('without an advised time a reply is missed after 72 s', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = noReply;
  server.client().connect();
  await pass(71_900);
  expect(server.sent()).toHaveLength(1);
  await pass(200 + 500);
  expect(server.sent().map(({ message }) => message.id)).toEqual(['1', '1']);
  expect(server.links[0]!.isOver).toBe(true);
});

test('the option timeout sets that time', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = noReply;
  server.client({ timeout: 10 }).connect();
  await pass(11_900);
  expect(server.sent()).toHaveLength(1);
  await pass(200 + 500);
  expect(server.sent()).toHaveLength(2);
});

test('afterwards it is 1.2 times what the server advises', async () => {
  const server = world(['long-polling']);
  server.advice = { reconnect: 'retry', interval: 0, timeout: 30_000 };
  server.rules['/a'] = noReply;
  void server.client().publish('/a', 1);
  await pass(35_900);
  expect(server.sent('/a')).toHaveLength(1);
  await pass(200 + 500);
  expect(server.sent('/a')).toHaveLength(2);
});

test('where the server holds no connects a reply still has some seconds', async () => {
  const server = world(['long-polling']);
  server.advice = { reconnect: 'retry', interval: 2_000, timeout: 0 };
  server.rules['/meta/connect'] = () => ({ advice: server.advice });
  server.rules['/a'] = noReply;
  void server.client().publish('/a', 1);
  await pass(9_900);
  expect(server.sent('/a')).toHaveLength(1);
  await pass(1_000);
  expect(server.sent('/a')).toHaveLength(2);
});

test('a publication is sent again with the same id and the same data', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = ({ link }) => {
    if (server.sent('/a').length > 2) return {};
    link.cut();
    return undefined;
  };
  const publication = outcome(client.publish('/a', { deep: [1] }));
  await pass(60_000);
  const sent = server.sent('/a').map(({ message }) => message);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
  for (const { data } of sent) expect(data).toEqual({ deep: [1] });
  expect(publication.is).toBe('resolved');
});

test('a response without the replies does not settle anything; the messages are sent again when their time is over', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = noReply;
  const publication = outcome(client.publish('/a', 1));
  await pass();
  const { link } = server.last('/a');
  (link as { respond?: (answer: []) => void }).respond!([]);
  delete server.rules['/a'];
  await pass(53_000);
  expect(publication.is).toBe('pending');
  await pass(3_000);
  expect(publication.is).toBe('resolved');
  expect(server.sent('/a')).toHaveLength(2);
});

test('order is kept across failures: what failed goes before what came later', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = noReply;
  for (const number of [1, 2, 3]) void client.publish('/a', number);
  await pass();
  void client.publish('/a', 4);
  await pass();
  expect(server.sent('/a').map(({ message }) => message.data)).toEqual([1, 2, 3]);
  delete server.rules['/a'];
  server.last('/a').link.cut();
  void client.publish('/a', 5);
  await pass(1_000);
  expect(server.sent('/a').slice(3).map(({ message }) => message.data)).toEqual([1, 2, 3, 4, 5]);
});

test('nothing is sent during the pause after a failure', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.health['long-polling'] = 'refused';
  server.connect!.link.cut();
  await pass(600);
  delete server.health['long-polling'];
  server.log();
  const publication = outcome(client.publish('/a', 1));
  await pass(3_000);
  expect(server.log()).toEqual([]);
  await pass(1_000);
  expect(publication.is).toBe('resolved');
});

test('a reply that comes after the message was sent again settles it once; the second is ignored', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = noReply;
  const publication = outcome(client.publish('/a', 1));
  await pass();
  server.socket.cut();
  await pass(1_000);
  const [, second] = server.sent('/a');
  second!.reply();
  await pass();
  expect(publication.is).toBe('resolved');
  second!.link.push({ channel: '/a', id: second!.message.id!, successful: false, error: '500::No' });
  await pass(1_000);
  expect(client.state).toBe('connected');
});

test('a reply with the id of a message of another channel is not taken for its reply', async () => {
  const server = world();
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.rules['/a'] = noReply;
  const publication = outcome(client.publish('/a', 1));
  await pass();
  server.socket.push({ channel: '/b', id: server.last('/a').message.id!, successful: true });
  await pass();
  expect(publication.is).toBe('pending');
  server.last('/a').reply();
  await pass();
  expect(publication.is).toBe('resolved');
});

test('the reply to a publication may refuse it', async () => {
  const server = world();
  server.rules['/a'] = () => ({ successful: false, error: '403:/a:Forbidden channel' });
  const publication = outcome(server.client().publish('/a', 1));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error).toMatchObject({ code: 403, params: ['/a'], message: 'Forbidden channel' });
  expect(server.sent('/a')).toHaveLength(1);
});

test('data that JSON cannot hold is refused without being sent', async () => {
  const server = world();
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const publication = outcome(server.client().publish('/a', circle));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error!.message).toMatch(/JSON/);
  expect(server.sent('/a')).toEqual([]);
});
