// @vitest-environment happy-dom
/**
 * EventSource, and script elements that call us back.
 */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventSource } from '../src/transport/eventsource.js';
import { callbackPolling } from '../src/transport/jsonp.js';
import { open } from './carried.js';

class FakeEventSource {
  static made: FakeEventSource[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  isClosed = false;

  constructor(readonly url: string) {
    FakeEventSource.made.push(this);
  }

  close(): void {
    this.isClosed = true;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const globals = globalThis as Record<string, any>;
const scripts = (): HTMLScriptElement[] => [...document.head.querySelectorAll('script')];
let requested: URL[] = [];

beforeEach(() => {
  FakeEventSource.made = [];
  vi.stubGlobal('EventSource', FakeEventSource);
  vi.stubGlobal('fetch', vi.fn(async () => new Response('[{"channel":"/a","successful":true}]')));
  document.head.innerHTML = '';
  requested = [];
  // The elements are not to load anything.
  vi.spyOn(document.head, 'appendChild').mockImplementation((element) => {
    const source = (element as unknown as HTMLScriptElement).src;
    requested.push(new URL(source));
    Object.defineProperty(element, 'src', { value: source, configurable: true });
    document.head.prepend(Object.assign(element, { type: 'text/plain' }));
    return element;
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const endpoint = location.origin === 'null' ? 'http://localhost:3000/faye' : `${location.origin}/faye`;

test('a stream has the session in its path, and no query', () => {
  open(eventSource, { endpoint: `${endpoint}/?a=b`, clientId: 'abc' });
  expect(FakeEventSource.made[0]!.url).toBe(`${endpoint}/abc`);
});

test('what it brings is handed on; nonsense is not', () => {
  const { heard } = open(eventSource, { endpoint, clientId: 'abc' });
  const [source] = FakeEventSource.made;
  source!.onopen!();
  expect(heard.opened).toBe(1);
  for (const data of ['[{"channel":"/a","data":1}]', 'nonsense', '{"channel":"/b","data":2}']) source!.onmessage!({ data });
  expect(heard.received.map(({ channel }) => channel)).toEqual(['/a', '/b']);
});

test('what is sent goes by requests', async () => {
  const { transport, heard } = open(eventSource, { endpoint, clientId: 'abc' });
  expect(transport.send([{ channel: '/a' }])).toHaveLength(1);
  await settled();
  expect(heard.received).toEqual([{ channel: '/a', successful: true }]);
  expect(vi.mocked(fetch).mock.calls[0]![0]).toBe(endpoint);
});

test('its first error ends it: it is for the session to open another', () => {
  const { heard } = open(eventSource, { endpoint, clientId: 'abc' });
  const [source] = FakeEventSource.made;
  source!.onerror!();
  expect(source!.isClosed).toBe(true);
  expect(heard.closed).toHaveLength(1);
  expect(source!.onerror).toBe(null);
});

test('closed by us, it tells nothing', () => {
  const { transport, heard } = open(eventSource, { endpoint, clientId: 'abc' });
  const [source] = FakeEventSource.made;
  transport.close();
  expect(source!.isClosed).toBe(true);
  expect([source!.onopen, source!.onmessage, source!.onerror]).toEqual([null, null, null]);
  expect(heard.closed).toEqual([]);
});

test('it is used for the own origin only, where there is one', () => {
  expect(eventSource.needsClient).toBe(true);
  expect(eventSource.isUsable(new URL(endpoint), { headers: {} })).toBe(true);
  expect(eventSource.isUsable(new URL('http://other.test/'), { headers: {} })).toBe(false);
  vi.stubGlobal('EventSource', undefined);
  expect(eventSource.isUsable(new URL(endpoint), { headers: {} })).toBe(false);
});

test('a script element asks with the messages and the name of its callback', async () => {
  const { transport, heard } = open(callbackPolling, { endpoint: 'http://other.test/faye?key=1' });
  transport.send([{ channel: '/a', data: 'ä' }]);
  const [url] = requested;
  expect(url!.origin).toBe('http://other.test');
  expect(url!.searchParams.get('key')).toBe('1');
  expect(JSON.parse(url!.searchParams.get('message')!)).toEqual([{ channel: '/a', data: 'ä' }]);
  const name = url!.searchParams.get('jsonp')!;
  expect(name).toMatch(/^__jsonp\d+__$/);
  globals[name]([{ channel: '/a', successful: true }, null, 'x']);
  await settled();
  expect(heard.received).toEqual([{ channel: '/a', successful: true }]);
  expect(heard.ready).toBe(1);
  expect(name in globals).toBe(false);
  expect(scripts()).toEqual([]);
});

test('each request has a callback of its own', () => {
  const { transport } = open(callbackPolling);
  transport.send([{ channel: '/meta/connect' }]);
  transport.send([{ channel: '/a' }]);
  const names = requested.map((url) => url.searchParams.get('jsonp'));
  expect(new Set(names).size).toBe(2);
});

test('a script that does not load is a failure', async () => {
  const { transport, heard } = open(callbackPolling);
  transport.send([{ channel: '/a' }]);
  const name = requested[0]!.searchParams.get('jsonp')!;
  scripts()[0]!.onerror!(new Event('error') as never);
  await settled();
  expect(heard.failed).toHaveLength(1);
  expect(name in globals).toBe(false);
});

test('one that was given up still finds its callback, and nothing is told', async () => {
  const { transport, heard } = open(callbackPolling);
  transport.send([{ channel: '/a' }]);
  transport.close();
  expect(scripts()).toEqual([]);
  globals[requested[0]!.searchParams.get('jsonp')!]([{ channel: '/a', successful: true }]);
  await settled();
  expect(heard.received).toEqual([]);
});

test('addresses stay short: messages are spread over requests, one after the other', async () => {
  const { transport } = open(callbackPolling);
  const messages = [1, 2, 3].map((id) => ({ channel: '/a', id: String(id), data: 'x'.repeat(280) }));
  const taken = transport.send(messages);
  expect(taken).toEqual(messages.slice(0, 2));
  expect(requested[0]!.href.length).toBeLessThan(2_000);
  expect(transport.send(messages.slice(2))).toEqual([]);
  globals[requested[0]!.searchParams.get('jsonp')!]([]);
  await settled();
  expect(transport.send(messages.slice(2))).toHaveLength(1);
});

test('without a document there are no script elements', () => {
  vi.stubGlobal('document', undefined);
  expect(callbackPolling.isUsable(new URL(endpoint), { headers: {} })).toBe(false);
});
