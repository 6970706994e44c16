/**
 * What happens around the page: it is left, the network comes and goes, it is looked at again.
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

test('when the page is left one message says so, over a socket', async () => {
  const { server, client } = await connected();
  const waiting = outcome(client.publish('/a', 1));
  server.watcher!.leave();
  await pass();
  expect(server.sent('/meta/disconnect').map(({ message }) => message.clientId)).toEqual(['session1']);
  expect(client.state).toBe('disconnected');
  expect(waiting.is).not.toBe('pending');
  await pass(60_000);
  expect(server.sent('/meta/connect').at(-1)!.at).toBeLessThan(server.last('/meta/disconnect').at);
});

test('or as what a page that goes away may still send', async () => {
  const { server, client } = await connected(['long-polling']);
  server.watcher!.leave();
  expect(server.farewells).toEqual([{ channel: '/meta/disconnect', clientId: 'session1', id: expect.any(String) }]);
  expect(client.state).toBe('disconnected');
});

test('extensions see that message too', async () => {
  const { server, client } = await connected(['long-polling']);
  const seen: string[] = [];
  client.addExtension({
    outgoing: (message: any, callback: any) => {
      seen.push(message.channel);
      callback(message);
    },
  });
  server.watcher!.leave();
  expect(seen).toEqual(['/meta/disconnect']);
});

test('autodisconnect can be disabled', async () => {
  const { server, client } = await connected();
  client.disable('autodisconnect');
  server.watcher!.leave();
  await pass();
  expect(server.sent('/meta/disconnect')).toEqual([]);
  expect(client.state).toBe('connected');
});

test('a client without a session has nothing to say', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => undefined;
  server.client().connect();
  await pass();
  server.watcher!.leave();
  expect(server.farewells).toEqual([]);
});

test('the page is watched only while the client is in use', async () => {
  const server = world();
  const client = server.client();
  expect(server.watcher).toBe(undefined);
  client.connect();
  await pass();
  expect(server.watcher).toBeDefined();
  await client.disconnect();
  expect(server.watcher).toBe(undefined);
  client.connect();
  await pass();
  expect(server.watcher).toBeDefined();
});

test('when the network comes back it is tried at once', async () => {
  const { server, client } = await connected();
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  server.socket.cut();
  await pass(300_000);
  delete server.health['websocket'];
  delete server.health['long-polling'];
  await pass(10);
  expect(client.state).toBe('interrupted');
  server.watcher!.wake();
  await pass(10);
  expect(client.state).toBe('connected');
  expect(client.transport).toBe('websocket');
});

test('and a socket that was left alone has another chance', async () => {
  const server = world();
  server.health['websocket'] = 'refused';
  const client = server.client();
  client.connect();
  await pass(100);
  delete server.health['websocket'];
  server.watcher!.wake();
  await pass(10);
  expect(client.transport).toBe('websocket');
});

test.each(['wake', 'doubt'] as const)('%s asks over the socket whether the server is there', async (event) => {
  const { server, client } = await connected();
  server.watcher![event]();
  await pass();
  expect(server.socket.frames.at(-1)).toBe('[]');
  await pass(10_000);
  expect(server.sockets).toHaveLength(1);
  expect(client.state).toBe('connected');
});

test('a socket that does not answer that within 5 s is given up', async () => {
  const { server, client } = await connected();
  const events = eventsOf(client);
  server.health['websocket'] = 'silent';
  server.watcher!.doubt();
  await pass(4_900);
  expect(server.socket.isOver).toBe(false);
  await pass(200);
  expect(server.sockets[0]!.isOver).toBe(true);
  expect(events.map(({ state }) => state)).toContain('interrupted');
});

test('an application may wake the client itself, and it harms nothing when all is well', async () => {
  const { server, client } = await connected();
  const down = vi.fn();
  client.on('transport:down', down);
  for (let count = 0; count < 10; count += 1) client.wake();
  await pass(1_000);
  expect(server.sockets).toHaveLength(1);
  expect(client.transport).toBe('websocket');
  expect(down).not.toHaveBeenCalled();
});

test('waking a client that is not in use does nothing', async () => {
  const server = world();
  const client = server.client();
  client.wake();
  await pass(1_000);
  expect(server.links).toEqual([]);
  client.connect();
  await pass(1_000);
  await client.disconnect();
  const before = server.links.length;
  client.wake();
  await pass(60_000);
  expect(server.links).toHaveLength(before);
});

test('waking does not shorten the wait after a refused handshake', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::No' });
  const client = server.client();
  client.connect();
  await pass(1_000);
  for (let count = 0; count < 10; count += 1) client.wake();
  await pass(1_000);
  expect(server.sent()).toHaveLength(1);
});
