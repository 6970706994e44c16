/**
 * Promises with Faye's callback and errback.
 */

import { expect, test, vi } from 'vitest';
import { Deferrable } from '../src/deferrable.js';
import { FayeError } from '../src/error.js';
import { Publication } from '../src/publication.js';
import { Server } from './scripted.js';
import { connection, fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

const resolved = (): Deferrable => {
  const made = new Deferrable();
  made.setDeferredStatus('succeeded');
  return made;
};
const rejected = (reason: unknown): Deferrable => {
  const made = new Deferrable();
  made.setDeferredStatus('failed', reason);
  return made;
};

test('it is a promise, and what comes of it is one', async () => {
  const made = new Deferrable();
  expect(made).toBeInstanceOf(Promise);
  for (const other of [made.then(), made.catch(() => {}), made.finally(() => {})]) {
    expect(other).toBeInstanceOf(Promise);
    expect(other).not.toBeInstanceOf(Deferrable);
  }
  made.setDeferredStatus('succeeded');
  expect(await made).toBe(undefined);
  expect(await made.then(() => 5)).toBe(5);
  await Promise.all([made, made.finally(() => {})]);
});

test('a failure goes through then, and catch and finally work', async () => {
  const reason = new Error('No');
  const ended = vi.fn();
  await expect(rejected(reason).then(() => 5)).rejects.toBe(reason);
  await expect(rejected(reason).finally(ended)).rejects.toBe(reason);
  expect(ended).toHaveBeenCalledTimes(1);
  expect(await rejected(reason).catch((error) => error)).toBe(reason);
  expect(await rejected(reason).then(undefined, (error) => error)).toBe(reason);
});

test('callback and errback are called with their context, and return nothing', async () => {
  const context = {};
  const good = vi.fn();
  const bad = vi.fn();
  for (const made of [resolved(), rejected('why')]) {
    expect(made.callback(good, context)).toBe(undefined);
    expect(made.errback(bad, context)).toBe(undefined);
  }
  await pass();
  expect(good.mock.calls).toEqual([[undefined]]);
  expect(bad.mock.calls).toEqual([['why']]);
  expect([good.mock.contexts[0], bad.mock.contexts[0]]).toEqual([context, context]);
});

test('only the first outcome counts', async () => {
  const made = resolved();
  made.setDeferredStatus('failed', 'late');
  await made;
  const failed = rejected('first');
  failed.setDeferredStatus('succeeded');
  await expect(failed).rejects.toBe('first');
  const waiting = new Deferrable();
  const seen = outcome(waiting);
  waiting.setDeferredStatus('unknown');
  await pass();
  expect(seen.is).toBe('pending');
  waiting.setDeferredStatus('succeeded');
  await pass();
  expect(seen.is).toBe('resolved');
});

test('timeout rejects unless it is settled before', async () => {
  const slow = new Deferrable();
  const seen = outcome(slow);
  slow.timeout(2, 'too late');
  const quick = new Deferrable();
  quick.timeout(2);
  quick.setDeferredStatus('succeeded');
  expect(vi.getTimerCount()).toBe(1);
  await pass(1_999);
  expect(seen.is).toBe('pending');
  await pass(1);
  expect(seen).toEqual({ is: 'rejected', error: 'too late' });
  await quick;
});

test('a second timeout replaces the first, and has a reason of its own', async () => {
  const made = new Deferrable();
  const seen = outcome(made);
  made.timeout(1);
  made.timeout(5);
  await pass(4_900);
  expect(seen.is).toBe('pending');
  await pass(200);
  expect(seen.error!.message).toContain('5 s');
});

test('a failure that nobody asks for does not end the process', async () => {
  vi.useRealTimers();
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  rejected(new Error('Unheard'));
  const heard = rejected(new Error('Heard'));
  heard.callback(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).not.toHaveBeenCalled();
  // But who asks for one outcome and forgets the other is told, as with any promise.
  void rejected(new Error('Forgotten')).then(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  expect(unhandled).toHaveBeenCalledTimes(1);
});

test('publish and disconnect give publications, subscribe a subscription', async () => {
  const client = world().client();
  const subscription = client.subscribe('/a', () => {});
  expect(client.publish('/a', 1)).toBeInstanceOf(Publication);
  expect(subscription).toBeInstanceOf(Promise);
  expect(subscription.channel).toBe('/a');
  await pass();
  expect(client.disconnect()).toBeInstanceOf(Publication);
});

test('the errors of a server are errors with code, params and message', async () => {
  const server = world();
  server.rules['/a'] = () => ({ successful: false, error: '405:/a,/b:Invalid channel' });
  const client = server.client();
  const bad = vi.fn();
  client.publish('/a', 1).errback(bad);
  await pass();
  const [[error]] = bad.mock.calls as [[FayeError]];
  expect(error).toBeInstanceOf(FayeError);
  expect(error).toBeInstanceOf(Error);
  expect({ ...error, message: error.message }).toMatchObject({ code: 405, params: ['/a', '/b'], message: 'Invalid channel' });
  expect(String(error)).toBe('405:/a,/b:Invalid channel');
});

test('await on a subscription waits for the answer; two awaits are no problem', async () => {
  const client = world().client();
  const subscription = client.subscribe('/a', () => {});
  await subscription;
  await subscription;
});

test("the client's own promise is renewed by connect after the end", async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::No', advice: { reconnect: 'none' } });
  const client = server.client();
  const bad = vi.fn();
  client.errback(bad);
  client.connect();
  await pass();
  expect(bad).toHaveBeenCalledTimes(1);
  delete server.rules['/meta/handshake'];
  client.connect();
  await connection(client);
  expect(client.state).toBe('connected');
});

test("the client's timeout rejects when there is no session in time", async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  const seen = outcome(connection(client));
  client.connect();
  client.timeout(3);
  await pass(3_000);
  expect(seen.is).toBe('rejected');
});

test('an async function that returns a client gives the client', async () => {
  const client = world().client();
  const make = async (): Promise<typeof client> => client;
  expect(await make()).toBe(client);
  expect(await Promise.all([client])).toEqual([client]);
  expect('then' in client).toBe(false);
});
