/**
 * The WebSocket in Node, by the package ws, against a real server; and a whole client over it.
 */

import { Agent } from 'node:http';
import { expect, test, vi } from 'vitest';
import { Cookies } from '../src/cookies.js';
import { Client } from '../src/node.js';
import { nodeWebSocket } from '../src/transport/node-websocket.js';
import { open } from './carried.js';
import { eventually, type Local, locally } from './local.js';

const start = locally();

test('it opens, sends and receives', async () => {
  const { server, endpoint } = await start();
  server.onFrame = (text, socket) => socket.send(text);
  const { transport, heard } = open(nodeWebSocket, { endpoint: `${endpoint}?key=1` });
  await eventually(() => expect(heard.opened).toBe(1));
  expect(server.upgrades[0]!.url).toBe('/faye?key=1');
  transport.send([{ channel: '/a', data: 'ä' }]);
  await eventually(() => expect(heard.received).toEqual([{ channel: '/a', data: 'ä' }]));
  transport.close();
});

test('headers and cookies go with the handshake, and its cookies are kept', async () => {
  const { server, endpoint } = await start();
  server.upgradeHeaders = ['Set-Cookie: route=a1'];
  const cookies = new Cookies();
  cookies.store(new URL(endpoint), ['old=1']);
  const { transport, heard } = open(nodeWebSocket, { endpoint, settings: { headers: { 'X-Mine': 'yes' }, cookies } });
  await eventually(() => expect(heard.opened).toBe(1));
  expect(server.upgrades[0]!.headers).toMatchObject({ 'x-mine': 'yes', cookie: 'old=1' });
  expect(cookies.header(new URL(endpoint))).toBe('old=1; route=a1');
  transport.close();
});

test('an agent is used', async () => {
  const { endpoint } = await start();
  const agent = new Agent();
  const used = vi.spyOn(agent, 'addRequest' as never);
  const { transport, heard } = open(nodeWebSocket, { endpoint, settings: { headers: {}, agent } });
  await eventually(() => expect(heard.opened).toBe(1));
  expect(used).toHaveBeenCalled();
  transport.close();
  agent.destroy();
});

test('a refused handshake is told as closed, once', async () => {
  const { server, endpoint } = await start();
  await server.stop();
  const { heard } = open(nodeWebSocket, { endpoint });
  await eventually(() => expect(heard.closed).toHaveLength(1));
  expect(heard.opened).toBe(0);
});

test('a server that does not speak it is told as closed', async () => {
  const { server, endpoint } = await start();
  server.upgradeHeaders = ['Sec-WebSocket-Extensions: nonsense'];
  const { heard } = open(nodeWebSocket, { endpoint });
  await eventually(() => expect(heard.closed).toHaveLength(1));
});

test.each([[1000, null], [1009, 413]])('closed by the server with %i', async (code, expected) => {
  const { server, endpoint } = await start();
  const { heard } = open(nodeWebSocket, { endpoint });
  await eventually(() => expect(heard.opened).toBe(1));
  server.sockets[0]!.close(code);
  await eventually(() => expect(heard.closed).toHaveLength(1));
  expect(heard.closed[0]!.code).toBe(expected);
});

test('closed by us while it opens: nothing is told, and nothing stays open', async () => {
  const { server, endpoint } = await start();
  const { transport, heard } = open(nodeWebSocket, { endpoint });
  transport.close();
  const { transport: second, heard: other } = open(nodeWebSocket, { endpoint });
  await eventually(() => expect(other.opened).toBe(1));
  expect(heard.opened + heard.closed.length).toBe(0);
  second.close();
  await eventually(() => expect(server.sockets.every(({ readyState }) => readyState >= 2)).toBe(true));
});

/** Answers as a Faye server does. */
function reply(text: string): string | undefined {
  const replies = JSON.parse(text)
    .filter(({ channel, advice }: any) => channel !== '/meta/connect' || advice?.timeout === 0)
    .map(({ channel, id, subscription }: any) => ({
      channel, id, subscription, successful: true,
      ...(channel === '/meta/handshake' && { clientId: 'x', supportedConnectionTypes: ['websocket', 'long-polling'] }),
    }));
  return replies.length > 0 ? JSON.stringify(replies) : undefined;
}

function serve(server: Local): void {
  server.respond = ({ body }, response) => {
    const text = reply(body);
    if (text) response.end(text);
  };
  server.onFrame = (text, socket) => {
    const answer = reply(text);
    if (answer) socket.send(answer);
  };
}

test('a whole client: from the handshake by HTTP to a message over the socket, and to the end', async () => {
  const { server, endpoint } = await start();
  serve(server);
  const client = new Client(endpoint);
  const heard = vi.fn();
  client.setHeader('Authorization', 'Bearer x');
  await client.subscribe('/a', heard);
  await eventually(() => expect(client.transport).toBe('websocket'));
  await client.publish('/a', 1);
  server.sockets[0]!.send('[{"channel":"/a","data":{"n":1}}]');
  await eventually(() => expect(heard).toHaveBeenCalledWith({ n: 1 }));
  expect(server.asked[0]!.request.headers.authorization).toBe('Bearer x');
  expect(server.upgrades[0]!.headers.authorization).toBe('Bearer x');
  await client.disconnect();
  expect(client.state).toBe('disconnected');
  await eventually(() => expect(server.sockets.every(({ readyState }) => readyState >= 2)).toBe(true));
});
