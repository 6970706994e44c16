/**
 * Long-polling in Node, against a real server.
 */

import { Agent } from 'node:http';
import { expect, test, vi } from 'vitest';
import { Cookies } from '../src/cookies.js';
import { nodeLongPolling } from '../src/transport/node-http.js';
import { open } from './carried.js';
import { eventually, locally } from './local.js';

const start = locally();
const hello = { channel: '/a', data: 'ä€' };

test('a request is JSON with its length in bytes and our headers', async () => {
  const { server, endpoint } = await start();
  const { transport, heard } = open(nodeLongPolling, { endpoint: `${endpoint}?key=1`, settings: { headers: { 'X-Mine': 'yes' } } });
  transport.send([hello]);
  await eventually(() => expect(heard.ready).toBe(1));
  const [{ request, body }] = server.asked as [typeof server.asked[0]];
  expect(request.method).toBe('POST');
  expect(request.url).toBe('/faye?key=1');
  expect(request.headers).toMatchObject({
    'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), 'x-mine': 'yes',
  });
  expect(JSON.parse(body)).toEqual([hello]);
});

test('replies in pieces are put together', async () => {
  const { server, endpoint } = await start();
  const reply = Buffer.from(JSON.stringify([{ channel: '/a', data: '€€€', successful: true }]));
  server.respond = (_, response) => {
    response.write(reply.subarray(0, 27));
    setImmediate(() => response.end(reply.subarray(27)));
  };
  const { transport, heard } = open(nodeLongPolling, { endpoint });
  transport.send([hello]);
  await eventually(() => expect(heard.received).toEqual([{ channel: '/a', data: '€€€', successful: true }]));
});

test.each([[401, '[{"channel":"/a","successful":false}]', 'received'], [413, 'Too large', 'refused'], [400, '', 'refused'], [502, 'Bad gateway', 'failed']] as const)(
  'status %i with %j: %s', async (status, body, what) => {
    const { server, endpoint } = await start();
    server.respond = (_, response) => response.writeHead(status).end(body);
    const { transport, heard } = open(nodeLongPolling, { endpoint });
    transport.send([hello]);
    await eventually(() => expect(heard[what]).toHaveLength(1));
    const { received, refused, failed } = heard;
    expect(received.length + refused.length + failed.length).toBe(1);
  });

test('user and password of the address are sent', async () => {
  const { server, endpoint } = await start();
  const { transport } = open(nodeLongPolling, { endpoint: endpoint.replace('//', '//user:pass@') });
  transport.send([hello]);
  await eventually(() => expect(server.asked).toHaveLength(1));
  expect(server.asked[0]!.request.headers.authorization).toBe(`Basic ${btoa('user:pass')}`);
});

test('cookies come back with the next request', async () => {
  const { server, endpoint } = await start();
  server.respond = (_, response) => response.writeHead(200, { 'Set-Cookie': ['route=a1; Path=/', 'b=2'] }).end('[]');
  const { transport, heard } = open(nodeLongPolling, { endpoint, settings: { headers: {}, cookies: new Cookies() } });
  transport.send([hello]);
  await eventually(() => expect(heard.ready).toBe(1));
  transport.send([hello]);
  await eventually(() => expect(heard.ready).toBe(2));
  expect(server.asked.map(({ request }) => request.headers.cookie)).toEqual([undefined, 'route=a1; b=2']);
});

test('an agent is used', async () => {
  const { endpoint } = await start();
  const agent = new Agent();
  const used = vi.spyOn(agent, 'addRequest' as never);
  const { transport, heard } = open(nodeLongPolling, { endpoint, settings: { headers: {}, agent } });
  transport.send([hello]);
  await eventually(() => expect(heard.ready).toBe(1));
  expect(used).toHaveBeenCalledTimes(1);
  agent.destroy();
});

test('a server that is not there, or goes away, is a failure', async () => {
  const { server, endpoint } = await start();
  server.respond = ({ request }) => request.socket.destroy();
  const { transport, heard } = open(nodeLongPolling, { endpoint });
  transport.send([hello]);
  await eventually(() => expect(heard.failed).toHaveLength(1));
  expect(heard.failed[0]!.error).toBeInstanceOf(Error);
  await server.stop();
  transport.send([hello]);
  await eventually(() => expect(heard.failed).toHaveLength(2));
  expect(heard.failed[1]!.messages).toEqual([hello]);
});

test('a response that is cut in the middle is a failure', async () => {
  const { server, endpoint } = await start();
  server.respond = ({ request }, response) => {
    response.writeHead(200, { 'Content-Length': 1_000 });
    response.write('[{"channel"', () => request.socket.destroy());
  };
  const { transport, heard } = open(nodeLongPolling, { endpoint });
  transport.send([hello]);
  await eventually(() => expect(heard.failed).toHaveLength(1));
});

test('close ends the request, without a word', async () => {
  const { server, endpoint } = await start();
  const ended = vi.fn();
  server.respond = (_, response) => response.on('close', ended);
  const { transport, heard } = open(nodeLongPolling, { endpoint });
  transport.send([hello]);
  await eventually(() => expect(server.asked).toHaveLength(1));
  transport.close();
  await eventually(() => expect(ended).toHaveBeenCalled());
  expect(heard.failed).toEqual([]);
});

test('only http and https can be used', () => {
  const usable = (url: string): boolean => nodeLongPolling.isUsable(new URL(url), { headers: {} });
  expect([usable('http://a/'), usable('https://a/'), usable('ftp://a/'), usable('file:///a')]).toEqual([true, true, false, false]);
});
