/**
 * The names that users of Faye 1.4.3 know, one by one, in each entry; and what was added.
 */

import { afterEach, describe, expect, test, vi } from 'vitest';
import * as browser from '../src/browser.js';
import { logging } from '../src/logger.js';
import * as node from '../src/node.js';

const entries = Object.entries({ browser, node });
const endpoint = 'http://server.test/faye';

/** Methods of Faye's client, and of what it mixes in. */
const CLIENT = [
  'handshake', 'connect', 'disconnect', 'subscribe', 'unsubscribe', 'publish', 'addExtension', 'removeExtension', 'disable',
  'setHeader', 'addWebsocketExtension',
  'on', 'addListener', 'once', 'removeListener', 'removeAllListeners', 'listeners', 'emit',
  'bind', 'unbind', 'trigger', 'countListeners',
  'callback', 'errback', 'timeout', 'setDeferredStatus',
];
const CONSTANTS = {
  UNCONNECTED: 1, CONNECTING: 2, CONNECTED: 3, DISCONNECTED: 4, HANDSHAKE: 'handshake', RETRY: 'retry', NONE: 'none',
  CONNECTION_TIMEOUT: 60, DEFAULT_ENDPOINT: '/bayeux', INTERVAL: 0,
};
const SUBSCRIPTION = ['cancel', 'unsubscribe', 'withChannel', 'apply', 'then', 'callback', 'errback', 'timeout', 'setDeferredStatus'];
const PUBLICATION = ['then', 'callback', 'errback', 'timeout', 'setDeferredStatus'];
const SCHEDULER = ['getTimeout', 'getInterval', 'isDeliverable', 'send', 'succeed', 'fail', 'abort'];

afterEach(() => {
  logging.logger = undefined;
});

const methods = (value: object, names: string[]): string[] =>
  names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function');

test.each(entries)("%s: Faye's client has all its methods and constants", (_, { Client, default: Faye }) => {
  const client = new Faye.Client(endpoint);
  expect(client).toBeInstanceOf(Client);
  expect(methods(client, CLIENT)).toEqual([]);
  expect(client).toMatchObject(CONSTANTS);
  expect(Client.prototype).toMatchObject(CONSTANTS);
});

test.each(entries)('%s: so do subscriptions, publications and schedulers', (_, { Subscription, Publication, Scheduler, default: Faye }) => {
  expect(methods(Subscription.prototype, SUBSCRIPTION)).toEqual([]);
  expect(methods(Publication.prototype, PUBLICATION)).toEqual([]);
  expect(methods(Scheduler.prototype, SCHEDULER)).toEqual([]);
  expect(Faye.Scheduler).toBe(Scheduler);
  const scheduler = new Scheduler({ channel: '/a' }, { timeout: 7, interval: 3, attempts: 2, deadline: 9 });
  expect(scheduler).toMatchObject({ message: { channel: '/a' }, options: { timeout: 7, interval: 3 }, attempts: 0 });
  expect([scheduler.getTimeout(), scheduler.getInterval()]).toEqual([7, 3]);
});

test.each(entries)('%s: what was added', (_, { FayeError, default: Faye, ...entry }) => {
  const client = new entry.Client(endpoint);
  expect(methods(client, ['batch', 'off', 'wake'])).toEqual([]);
  expect(Faye.Error).toBe(FayeError);
  expect(Faye.VERSION).toBe(entry.VERSION);
  expect(['state', 'transport', 'clientId'].every((name) => name in client)).toBe(true);
});

test.each(entries)('%s: an unknown option is refused, as with Faye', (_, { Client }) => {
  expect(() => new Client(endpoint, { retries: 3 } as object)).toThrow(/^Unrecognized option: retries$/);
  expect(() => new Client(endpoint, { proxy: 'http://proxy' } as object)).toThrow(/^Unrecognized option: proxy/);
});

/** Values that cannot work, and the error. Faye's clients fail later, or never say why. */
const USELESS: [object, string][] = [
  [{ timeout: -1 }, 'Not a number: timeout'],
  [{ retry: 'soon' }, 'Not a number: retry'],
  [{ maxRetry: {} }, 'Not a number: maxRetry'],
  [{ interval: true, scheduler: {} }, 'Not a function: scheduler'],
  [{ token: 7 }, 'Not a function: token'],
];

describe.each(entries)('%s: a value that cannot work', (_, { Client }) => {
  test.each(USELESS)('is refused when the client is made: %j', (options, error) => {
    expect(() => new Client(endpoint, options)).toThrow(error);
  });
  test('is refused with a publication', () => {
    expect(() => new Client(endpoint).publish('/a', 1, { deadline: -5 })).toThrow('Not a number: deadline');
  });
  test('is refused as the callback of a subscription', () => {
    expect(() => new Client(endpoint).subscribe('/a', 'log' as unknown as () => void)).toThrow('Not a function: callback');
  });
});

test('an option of the other platform is refused, unless it is off', () => {
  expect(() => new browser.Client(endpoint, { agent: {} } as object)).toThrow('Unrecognized option: agent');
  expect(() => new node.Client(endpoint, { shared: true } as object)).toThrow('The option shared works in browsers only');
  expect(new browser.Client(endpoint, { agent: undefined } as object).state).toBe('unconnected');
  expect(new node.Client(endpoint, { shared: false } as object).state).toBe('unconnected');
});

test.each(entries)('%s: every known option is taken', (_, { Client, Scheduler }) => {
  const options = {
    timeout: 1, interval: 1, retry: 1, maxRetry: 1, endpoints: {}, scheduler: Scheduler, token: 'x', ack: true, replay: true,
    shared: false, agent: undefined, tls: {}, ca: undefined, websocketExtensions: [],
  };
  expect(new Client(endpoint, options).state).toBe('unconnected');
});

test.each(entries)('%s: an endpoint may be a URL object', (_, { Client }) => {
  expect(new Client(new URL(endpoint)).state).toBe('unconnected');
});

test('a browser client needs no endpoint, and none of them touches the network', () => {
  expect(new browser.Client().state).toBe('unconnected');
});

test.each([
  undefined, null, '', '/faye', 'faye', 'localhost:8000/faye', '//server.test/faye', 'ftp://server.test/faye', 'http://',
])('in Node the endpoint %s throws when the client is made', (given) => {
  expect(() => new node.Client(given as string)).toThrow(TypeError);
  expect(() => new node.Client(given as string)).toThrow(given === 'http://' ? /./ : /must be an absolute URL such as http/);
  expect(() => new node.Client(endpoint, { endpoints: { websocket: given as string } })).toThrow(TypeError);
});

test('in Node an endpoint of its own for WebSockets may be one of WebSockets', () => {
  expect(new node.Client(endpoint, { endpoints: { websocket: 'wss://push.test/faye' } }).state).toBe('unconnected');
});

test('outside of a page and of Node a relative endpoint throws when the client is used', () => {
  const client = new browser.Client('/faye');
  expect(() => client.connect()).toThrow();
});

/** Names that do not exist, and how they are used. */
const WRONG: [string, (client: browser.Client) => void, RegExp][] = [
  ['disable', (client) => client.disable('websockets' as 'websocket'), /feature.*"websockets".*"websocket /],
  ['on', (client) => void client.on('conection' as 'connection', () => {}), /event.*"conection".*"connection /],
  ['once', (client) => void client.once('transport:upp' as 'connection', () => {}), /event.*"transport:upp".* transport:up /],
  ['bind', (client) => void client.bind('down' as 'connection', () => {}), /event.*"down".* transport:down /],
];

describe.each(entries)('%s: a name that does not exist', (_, { Client, default: Faye }) => {
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
  afterEach(() => void warned.mockClear());

  test.each(WRONG)('in %s is warned of on the console', (_, use, expected) => {
    use(new Client(endpoint));
    expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(expected));
  });

  test.each(WRONG)('in %s is told to the logger, if there is one', (_, use, expected) => {
    const warn = vi.fn();
    Faye.logger = { warn };
    use(new Client(endpoint));
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(expected));
    expect(warned).not.toHaveBeenCalled();
  });

  test('among the endpoints is warned of too', () => {
    void new Client(endpoint, { endpoints: { websockets: endpoint } as object });
    expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/feature.*"websockets"/));
  });

  test('is the only thing that is warned of', () => {
    const client = new Client(endpoint);
    for (const feature of ['websocket', 'eventsource', 'long-polling', 'cross-origin-long-polling', 'callback-polling',
      'shared', 'autodisconnect'] as const) client.disable(feature);
    for (const event of ['connection', 'transport:up', 'transport:down', 'subscription:refused', 'replay:gap'] as const) {
      client.on(event, () => {}).once(event, () => {}).bind(event, () => {});
    }
    expect(warned).not.toHaveBeenCalled();
  });
});

test.each(entries)('%s: Faye.logger may be a function of lines', (_, { default: Faye }) => {
  const lines: string[] = [];
  Faye.logger = (line) => lines.push(line);
  expect(Faye.logger).toBeTypeOf('function');
  void new Faye.Client(endpoint);
  expect(lines).toEqual([`[Faye.Client] New client created for "${endpoint}"`]);
  Faye.logger = undefined;
  void new Faye.Client(endpoint);
  expect(lines).toHaveLength(1);
});

test('or an object with a method for each level, not all of which need be there', () => {
  const info = vi.fn();
  browser.default.logger = { info };
  void new browser.Client(endpoint);
  expect(info).toHaveBeenCalledTimes(1);
  browser.default.logger = { error: info };
  void new browser.Client(endpoint);
  expect(info).toHaveBeenCalledTimes(1);
});

test('the script tag has the same object as a global', async () => {
  const { default: Faye } = await import('../src/browser.js');
  await import('../src/global.js');
  expect((globalThis as { Faye?: unknown }).Faye).toBe(Faye);
});

test('errors of options can be told from others', () => {
  try {
    void new browser.Client(endpoint, { nonsense: 1 } as object);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(browser.FayeError);
  }
});
