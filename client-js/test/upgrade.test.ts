/**
 * From a request to a socket: the better transport is taken when it is open, without a gap and without a loss.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { eventsOf, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

/** A session over long-polling whose socket has not opened yet. */
async function polling(): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world();
  server.health['websocket'] = 'opening';
  const client = server.client();
  client.connect();
  await pass();
  expect(client.transport).toBe('long-polling');
  server.log();
  return { server, client };
}

test('a socket that opens is used at once, with a connect of its own', async () => {
  const { server, client } = await polling();
  server.socket.open();
  await pass();
  expect(client.transport).toBe('websocket');
  expect(server.log()).toEqual(['websocket /meta/connect']);
  expect(server.last('/meta/connect').message).toEqual({
    channel: '/meta/connect', clientId: 'session1', connectionType: 'websocket', id: expect.any(String),
  });
});

test('a socket is used when the server has answered over it, not before', async () => {
  const server = world();
  server.health['websocket'] = 'silent';
  const client = server.client();
  client.connect();
  await pass(1_000);
  expect(client.transport).toBe('long-polling');
  expect(server.socket.frames).toEqual(['[]']);
  server.socket.onmessage?.({ data: '[]' });
  expect(client.transport).toBe('websocket');
});

test('the old connect is left alone until the new one is answered, and never made again', async () => {
  const { server } = await polling();
  const old = server.connect!;
  server.answersSuperseded = false;
  server.rules['/meta/connect'] = () => undefined;
  server.socket.open();
  await pass();
  expect(old.link.isOver).toBe(false);
  const trial = server.last('/meta/connect');
  expect(trial.type).toBe('websocket');
  trial.reply({ advice: server.advice });
  await pass();
  old.reply();
  await pass(40_000);
  expect(server.sent('/meta/connect').filter(({ type }) => type === 'long-polling')).toHaveLength(1);
});

test('a server that never answers the old connect delays messages for a second at most, once', async () => {
  const { server, client } = await polling();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.answersSuperseded = false;
  server.stop();
  server.socket.open();
  await pass();
  server.publish('/a', 1);
  await pass(1_000);
  expect(heard).toHaveBeenCalledTimes(1);
  server.publish('/a', 2);
  await pass();
  expect(heard).toHaveBeenCalledTimes(2);
});

test('a message that overtakes those of the old connect waits for them', async () => {
  const { server, client } = await polling();
  const heard: unknown[] = [];
  await client.subscribe('/a', (data) => heard.push(data));
  const old = server.connect!;
  server.answersSuperseded = false;
  server.socket.open();
  await pass();
  server.publish('/a', 2);
  await pass(500);
  old.link.push({ channel: '/a', data: 1 });
  old.reply();
  await pass();
  expect(heard).toEqual([1, 2]);
});

test('a message that the old connect still brings is delivered', async () => {
  const { server, client } = await polling();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  const old = server.connect!;
  server.answersSuperseded = false;
  server.rules['/meta/connect'] = () => undefined;
  server.socket.open();
  await pass();
  old.link.push({ channel: '/a', data: 'late' });
  old.reply();
  await pass();
  expect(heard).toHaveBeenCalledWith('late');
});

test('connects go on over the socket alone', async () => {
  const { server } = await polling();
  server.socket.open();
  await pass();
  server.log();
  await pass(135_000);
  expect(server.log()).toEqual(['websocket /meta/connect', 'websocket /meta/connect', 'websocket /meta/connect']);
});

test('what is published waits for what a request still carries, and then goes over the socket', async () => {
  const { server, client } = await polling();
  server.rules['/a'] = () => undefined;
  const first = outcome(client.publish('/a', 1));
  await pass();
  server.socket.open();
  await pass();
  const second = outcome(client.publish('/a', 2));
  await pass();
  expect(server.sent('/a')).toHaveLength(1);
  delete server.rules['/a'];
  server.sent('/a')[0]!.reply();
  await pass();
  expect(server.sent('/a').map(({ type, message }) => [type, message.data])).toEqual([['long-polling', 1], ['websocket', 2]]);
  expect([first.is, second.is]).toEqual(['resolved', 'resolved']);
});

test('the change is told as an event, and the client was never away', async () => {
  const { server, client } = await polling();
  const events = eventsOf(client);
  const down = vi.fn();
  client.on('transport:down', down);
  server.socket.open();
  await pass();
  expect(events.map(({ state, transport }) => [state, transport])).toEqual([['connected', 'websocket']]);
  expect(down).not.toHaveBeenCalled();
});

test('a socket that opens while the handshake is under way waits for the session', async () => {
  const server = world();
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  client.connect();
  await pass();
  expect(server.log()).toEqual(['long-polling /meta/handshake']);
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass();
  expect(client.transport).toBe('websocket');
  expect(server.log()).toEqual(['websocket /meta/connect']);
});

test('a socket that the server does not offer is not used', async () => {
  const server = world();
  server.offers = ['long-polling', 'callback-polling'];
  const client = server.client();
  client.connect();
  await pass(120_000);
  expect(client.transport).toBe('long-polling');
  expect(server.log().filter((line) => line.startsWith('websocket'))).toEqual([]);
});

test('a server that names no types is used over what brought its answer', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = (arrival) => ({ ...server.usual(arrival), supportedConnectionTypes: undefined! });
  const client = server.client();
  client.connect();
  await pass();
  expect(client.state).toBe('connected');
  expect(client.transport).toBe('long-polling');
});
