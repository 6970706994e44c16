/**
 * The end of a session by ourselves, from wherever the client stands.
 */

import { expect, test, vi } from 'vitest';
import { Server } from './scripted.js';
import { eventsOf, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(types = ['websocket', 'long-polling']): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(types);
  const client = server.client();
  client.connect();
  await pass(1_000);
  server.log();
  return { server, client };
}

test('the server is told, and everything is closed', async () => {
  const { server, client } = await connected();
  const events = eventsOf(client);
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.is).toBe('resolved');
  expect(server.log()).toEqual(['websocket /meta/disconnect']);
  expect(server.last('/meta/disconnect').message.clientId).toBe('session1');
  expect(client.state).toBe('disconnected');
  expect(client.clientId).toBe(undefined);
  expect(client.transport).toBe(undefined);
  expect(events.map(({ state }) => state)).toEqual(['disconnected']);
  expect(server.links.every(({ isOver }) => isOver)).toBe(true);
  expect(server.watcher).toBe(undefined);
});

test.each([['websocket'], ['long-polling']])('over %s: who goes asks for no more messages', async (type) => {
  const { server, client } = await connected([type]);
  // The disconnect is not answered before the connect that is held.
  server.rules['/meta/disconnect'] = () => undefined;
  const ended = outcome(client.disconnect());
  await pass();
  server.connect!.reply({});
  await pass(1_000);
  expect(server.log()).toEqual([`${type} /meta/disconnect`]);
  server.last('/meta/disconnect').reply({});
  await pass();
  expect(ended.is).toBe('resolved');
  // And a new session is asked for its messages.
  delete server.rules['/meta/disconnect'];
  client.connect();
  await pass(1_000);
  expect(server.connect).toBeDefined();
});

test('nothing happens afterwards', async () => {
  const { server, client } = await connected();
  client.disconnect();
  await pass();
  server.log();
  const links = server.links.length;
  await pass(3_600_000);
  expect(server.log()).toEqual([]);
  expect(server.links).toHaveLength(links);
});

test.each([[['websocket']], [['long-polling']]])('over %o: what was published before goes first', async (types) => {
  const { server, client } = await connected(types);
  const all = [1, 2, 3].map((number) => outcome(client.publish('/a', number)));
  const ended = outcome(client.disconnect());
  await pass();
  expect(server.log().map((line) => line.split(' ')[1])).toEqual(['/a', '/a', '/a', '/meta/disconnect']);
  expect(all.map(({ is }) => is)).toEqual(['resolved', 'resolved', 'resolved']);
  expect(ended.is).toBe('resolved');
});

test('published and disconnected before there is a session: all of it is done', async () => {
  const server = world();
  const client = server.client();
  const publication = outcome(client.publish('/a', 1));
  const ended = outcome(client.disconnect());
  await pass(1_000);
  expect(publication.is).toBe('resolved');
  expect(ended.is).toBe('resolved');
  expect(server.log().map((line) => line.split(' ')[1]).filter((channel) => channel !== '/meta/connect')).toEqual([
    '/meta/handshake', '/a', '/meta/disconnect',
  ]);
});

test('never connected: it is done at once, without a word', async () => {
  const server = world();
  const client = server.client();
  const ended = outcome(client.disconnect());
  await pass(60_000);
  expect(ended.is).toBe('resolved');
  expect(server.links).toEqual([]);
  expect(client.state).toBe('disconnected');
});

test('while connecting, it waits for the session and ends it', async () => {
  const server = world();
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  client.connect();
  await pass();
  const ended = outcome(client.disconnect());
  await pass(1_000);
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass();
  expect(ended.is).toBe('resolved');
  expect(server.sent('/meta/disconnect')).toHaveLength(1);
  expect(client.state).toBe('disconnected');
});

test('while a refused handshake waits for its next turn, it is done at once', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::No' });
  const client = server.client();
  client.connect();
  await pass(1_000);
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.is).toBe('resolved');
  await pass(60_000);
  expect(server.sent()).toHaveLength(1);
});

test.each([[['websocket']], [['eventsource', 'long-polling']], [['long-polling']]])('over %o: no timer is left', async (types) => {
  const { server, client } = await connected(types);
  await client.subscribe('/a', () => {});
  await client.publish('/a', 1);
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.is).toBe('resolved');
  server.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('right after the session began, and after a better transport took over, no timer is left either', async () => {
  const server = world(['websocket', 'eventsource', 'long-polling']);
  const client = server.client();
  client.connect();
  for (let step = 0; step < 5; step += 1) {
    await pass();
    client.connect();
    await pass(step);
    const ended = outcome(client.disconnect());
    await pass();
    expect(ended.is).toBe('resolved');
    server.stop();
    expect(vi.getTimerCount()).toBe(0);
  }
});

test('offline with nothing to send: it ends at once', async () => {
  const { server, client } = await connected();
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  server.socket.cut();
  await pass();
  const subscription = outcome(client.subscribe('/a', () => {}));
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended).toMatchObject({ is: 'rejected', error: { message: 'The server does not answer' } });
  expect(subscription.is).toBe('rejected');
  server.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('a server that never answered: it ends at once, whatever waits for the connection', async () => {
  const server = world();
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  const client = server.client();
  client.connect(() => {});
  client.subscribe('/a', () => {});
  await pass(1_000);
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.is).toBe('resolved');
  expect(client.state).toBe('disconnected');
  expect(vi.getTimerCount()).toBe(0);
});

test('offline: after 10 s it gives up, and everything settles', async () => {
  const { server, client } = await connected();
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  server.socket.cut();
  const publication = outcome(client.publish('/a', 1));
  const subscription = outcome(client.subscribe('/a', () => {}));
  const ended = outcome(client.disconnect());
  await pass(9_900);
  expect(ended.is).toBe('pending');
  await pass(200);
  expect(ended.is).toBe('rejected');
  expect(publication.is).toBe('rejected');
  expect(subscription.is).toBe('rejected');
  expect(client.state).toBe('disconnected');
  server.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test('published, disconnected, and the network away for a second: all arrives', async () => {
  const { server, client } = await connected(['long-polling']);
  server.health['long-polling'] = 'refused';
  server.connect!.link.cut();
  const publication = outcome(client.publish('/a', 1));
  const ended = outcome(client.disconnect());
  await pass(1_000);
  delete server.health['long-polling'];
  await pass(5_000);
  expect([publication.is, ended.is]).toEqual(['resolved', 'resolved']);
  expect(server.sent('/meta/disconnect').some(({ isAnswered }) => isAnswered)).toBe(true);
});

test('a socket that ends before the reply to the disconnect is no failure', async () => {
  const { server, client } = await connected(['websocket']);
  server.rules['/meta/disconnect'] = ({ link }) => {
    link.cut(1000);
    return undefined;
  };
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.is).toBe('resolved');
  expect(client.state).toBe('disconnected');
  expect(server.sockets).toHaveLength(1);
});

test('a server that keeps silent is not waited for longer than that', async () => {
  const { server, client } = await connected();
  server.rules['/meta/disconnect'] = () => undefined;
  const ended = outcome(client.disconnect());
  await pass(10_000);
  expect(ended.is).toBe('rejected');
  expect(client.state).toBe('disconnected');
});

test('a refusal of the disconnect is told, and it is one all the same', async () => {
  const { server, client } = await connected();
  server.rules['/meta/disconnect'] = () => ({ successful: false, error: '500::No' });
  const ended = outcome(client.disconnect());
  await pass();
  expect(ended.error).toMatchObject({ code: 500 });
  expect(client.state).toBe('disconnected');
});

test('a server that forgot the session: it is ended, without a new one', async () => {
  const { server, client } = await connected();
  server.session = undefined;
  const ended = outcome(client.disconnect());
  await pass(20_000);
  expect(ended.is).not.toBe('pending');
  expect(client.state).toBe('disconnected');
  expect(server.sent('/meta/handshake')).toHaveLength(1);
});

test('twice is no error, and one message', async () => {
  const { server, client } = await connected();
  const both = [outcome(client.disconnect()), outcome(client.disconnect())];
  await pass();
  const third = outcome(client.disconnect());
  await pass();
  expect([...both, third].map(({ is }) => is)).toEqual(['resolved', 'resolved', 'resolved']);
  expect(server.sent('/meta/disconnect')).toHaveLength(1);
});

test('afterwards publish and subscribe reject', async () => {
  const { server, client } = await connected();
  client.disconnect();
  const during = [outcome(client.publish('/a', 1)), outcome(client.subscribe('/a', () => {}))];
  await pass();
  const after = [outcome(client.publish('/a', 1)), outcome(client.subscribe('/a', () => {}))];
  await pass();
  for (const { is, error } of [...during, ...after]) {
    expect(is).toBe('rejected');
    expect(error!.message).toMatch(/disconnected/);
  }
  expect(server.sent('/a')).toEqual([]);
});

test('connect begins anew, without the listeners of before', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  client.disconnect();
  await pass();
  client.connect();
  await pass(1_000);
  expect(client.state).toBe('connected');
  expect(client.clientId).toBe('session2');
  server.publish('/a', 1);
  expect(heard).not.toHaveBeenCalled();
  await client.subscribe('/a', heard);
  server.publish('/a', 2);
  expect(heard.mock.calls).toEqual([[2]]);
});

test('connect while the disconnect is under way: the client ends up in a session or says that it is not', async () => {
  const { client } = await connected();
  const ended = outcome(client.disconnect());
  const connect = vi.fn();
  client.connect(connect);
  await pass(1_000);
  expect(ended.is).toBe('resolved');
  client.connect(connect);
  await pass(1_000);
  expect(client.state).toBe('connected');
  expect(connect).toHaveBeenCalled();
});
