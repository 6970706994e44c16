/**
 * Long-polling by fetch: what a request looks like, and what is made of each response.
 */

import { page } from '../src/page.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { crossOriginLongPolling, longPolling } from '../src/transport/fetch.js';
import { open } from './carried.js';

const fetched = vi.fn();
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal('fetch', fetched);
  vi.stubGlobal('location', new URL('http://server.test/page'));
});
afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: string): void => {
  fetched.mockImplementation(async () => new Response(body, { status }));
};
const hello = { channel: '/a', data: 'ä&+' };

test('of the same origin: JSON, as from an XMLHttpRequest', async () => {
  answer(200, '[]');
  const { transport } = open(longPolling, { settings: { headers: { 'X-Mine': '1' } } });
  expect(transport.send([hello])).toEqual([hello]);
  const [url, request] = fetched.mock.calls[0]!;
  expect(url).toBe('http://server.test/faye');
  expect(request).toMatchObject({
    method: 'POST', body: JSON.stringify([hello]), credentials: 'same-origin', cache: 'no-store',
    headers: { 'Content-Type': 'application/json', 'X-Requested-With': 'XMLHttpRequest', 'X-Mine': '1' },
  });
});

test('of another origin: a form, with cookies, and nothing that needs a preflight', () => {
  answer(200, '[]');
  const { transport } = open(crossOriginLongPolling, { endpoint: 'http://other.test/faye' });
  transport.send([hello]);
  const [, request] = fetched.mock.calls[0]!;
  expect(request).toMatchObject({ method: 'POST', headers: {}, credentials: 'include' });
  expect(new URLSearchParams(request.body).get('message')).toBe(JSON.stringify([hello]));
});

test.each([
  ['http://server.test/faye', true, false],
  ['http://server.test:81/faye', false, true],
  ['https://server.test/faye', false, true],
])('%s: which of the two may be used', (endpoint, same, other) => {
  const url = new URL(endpoint);
  expect(longPolling.isUsable(url, { headers: {} })).toBe(same);
  expect(crossOriginLongPolling.isUsable(url, { headers: {} })).toBe(other);
});

test('outside of a page, and in React Native, every origin is our own', () => {
  const url = new URL('http://other.test/');
  vi.stubGlobal('navigator', { product: 'ReactNative' });
  expect(longPolling.isUsable(url, { headers: {} })).toBe(true);
  vi.stubGlobal('navigator', undefined);
  vi.stubGlobal('location', undefined);
  expect(longPolling.isUsable(url, { headers: {} })).toBe(true);
  expect(crossOriginLongPolling.isUsable(url, { headers: {} })).toBe(false);
});

test('replies are handed on, and more may be sent', async () => {
  answer(200, '[{"channel":"/a","successful":true},{"channel":"/b","data":1}]');
  const { transport, heard } = open(longPolling);
  transport.send([hello]);
  await settled();
  expect(heard.received.map(({ channel }) => channel)).toEqual(['/a', '/b']);
  expect(heard.ready).toBe(1);
});

test.each([200, 401, 500])('messages count, whatever the status: %i', async (status) => {
  answer(status, '[{"channel":"/a","successful":false}]');
  const { transport, heard } = open(longPolling);
  transport.send([hello]);
  await settled();
  expect(heard.received).toHaveLength(1);
});

test.each([400, 413])('status %i without messages refuses the request', async (status) => {
  answer(status, 'Bad request');
  const { transport, heard } = open(longPolling);
  transport.send([hello]);
  await settled();
  expect(heard.refused).toEqual([{ messages: [hello], status }]);
});

test.each([[200, '<html>'], [200, ''], [502, 'Bad gateway'], [404, ''], [503, '{"error":1}']])(
  'status %i with %j is a failure', async (status, body) => {
    answer(status, body);
    const { transport, heard } = open(longPolling);
    transport.send([hello]);
    await settled();
    expect(heard.failed.map(({ messages }) => messages)).toEqual([[hello]]);
    expect(heard.failed[0]!.error.message).toContain(String(status));
  });

test('a network that is away is a failure with its reason', async () => {
  fetched.mockRejectedValue(new TypeError('Failed to fetch'));
  const { transport, heard } = open(longPolling);
  transport.send([hello]);
  await settled();
  expect(heard.failed[0]!.error.message).toBe('Failed to fetch');
});

test('close ends what is under way, without a word', async () => {
  let signal!: AbortSignal;
  fetched.mockImplementation((_url, request) => new Promise((_, reject) => {
    signal = request.signal;
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  }));
  const { transport, heard } = open(longPolling);
  transport.send([hello]);
  transport.close();
  await settled();
  expect(signal.aborted).toBe(true);
  expect(heard.failed).toEqual([]);
});

test('a request ends when nobody waits for any of its messages', () => {
  let signal!: AbortSignal;
  fetched.mockImplementation((_url, request) => new Promise(() => (signal = request.signal)));
  const { transport } = open(longPolling);
  const [first, second] = [{ channel: '/a', id: '1' }, { channel: '/a', id: '2' }];
  transport.send([first, second]);
  transport.cancel(first);
  transport.cancel(first);
  expect(signal.aborted).toBe(false);
  transport.cancel(second);
  expect(signal.aborted).toBe(true);
  expect(transport.send([hello])).toEqual([hello]);
});

test('the farewell of a page is a form that needs no answer', () => {
  const sendBeacon = vi.fn();
  vi.stubGlobal('navigator', { sendBeacon });
  page.beacon!(new URL('http://server.test/faye'), { channel: '/meta/disconnect', clientId: 'x' });
  const [url, body] = sendBeacon.mock.calls[0]!;
  expect(url).toBe('http://server.test/faye');
  expect(JSON.parse(new URLSearchParams(body).get('message')!)).toEqual([{ channel: '/meta/disconnect', clientId: 'x' }]);
  expect(fetched).not.toHaveBeenCalled();
});
