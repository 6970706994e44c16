/**
 * One connection for several tabs: each tab has its port to the worker, and the worker one session with the server.
 */

import { VERSION } from '../src/version.js';
import { expect, test, vi } from 'vitest';
import { sharedWorker } from '../src/transport/shared.js';
import { locks, made, server, tab, withTabs, worker } from './tabs.js';
import { fakeTime, outcome, pass } from './time.js';

fakeTime();
withTabs();

test('two tabs have one session with the server', async () => {
  const [first, second] = [tab(), tab()];
  first.connect();
  second.connect();
  await pass(1_000);
  expect([first.state, second.state]).toEqual(['connected', 'connected']);
  expect([first.transport, second.transport]).toEqual(['shared', 'shared']);
  expect(server.sent('/meta/handshake')).toHaveLength(1);
  expect(made[0]).toEqual({ script: 'http://server.test/faye/faye-shared-worker.js', name: `faye ${VERSION} http://server.test/faye` });
});

test('the script may be somewhere else', async () => {
  tab({ shared: 'http://server.test/js/worker.js' }).connect();
  await pass(1_000);
  expect(made[0]!.script).toBe('http://server.test/js/worker.js');
});

test('each tab hears what it subscribed to, once, and the server is asked once for a channel', async () => {
  const [first, second] = [tab(), tab()];
  const heard = { first: vi.fn(), second: vi.fn(), both: vi.fn() };
  await Promise.all([first.subscribe('/a', heard.first), first.subscribe('/c/*', heard.both), second.subscribe('/c/*', heard.both), pass(1_000)]);
  await Promise.all([second.subscribe('/b', heard.second), second.subscribe('/a', () => {}), pass(1_000)]);
  server.publish('/a', 1);
  server.publish('/b', 2);
  server.publish('/c/x', 3);
  await pass();
  expect(heard.first.mock.calls).toEqual([[1]]);
  expect(heard.second.mock.calls).toEqual([[2]]);
  expect(heard.both.mock.calls).toEqual([[3], [3]]);
  expect(server.sent('/meta/subscribe').map(({ message }) => message.subscription).sort()).toEqual(['/a', '/b', '/c/*']);
});

test('publications go through, and their refusals come back', async () => {
  server.rules['/bad'] = () => ({ successful: false, error: '403:/bad:Not there' });
  const client = tab();
  const good = outcome(client.publish('/good', { n: 1 }));
  const bad = outcome(client.publish('/bad', 1));
  await pass(1_000);
  expect(good.is).toBe('resolved');
  expect(bad.error).toMatchObject({ code: 403, params: ['/bad'], message: 'Not there' });
  expect(server.sent('/good')[0]!.message).toMatchObject({ data: { n: 1 }, clientId: 'session1' });
});

test('a refused subscription is refused in the tab, and others go on', async () => {
  server.rules['/meta/subscribe'] = ({ message }) =>
    message.subscription === '/bad' ? { successful: false, error: '403:/bad:Not there' } : {};
  const client = tab();
  const bad = outcome(client.subscribe('/bad', () => {}));
  const good = outcome(client.subscribe('/good', () => {}));
  await pass(1_000);
  expect(bad.error).toMatchObject({ code: 403 });
  expect(good.is).toBe('resolved');
});

test('the last tab that leaves a channel ends it at the server', async () => {
  const [first, second] = [tab(), tab()];
  const subscription = first.subscribe('/a', () => {});
  second.subscribe('/a', () => {});
  await pass(1_000);
  subscription.cancel();
  await pass(1_000);
  expect(server.sent('/meta/unsubscribe')).toEqual([]);
  second.unsubscribe('/a');
  await pass(1_000);
  expect(server.sent('/meta/unsubscribe')).toHaveLength(1);
});

test('the session ends with the last tab', async () => {
  const [first, second] = [tab(), tab()];
  first.connect();
  second.connect();
  await pass(1_000);
  first.disconnect();
  await pass(1_000);
  expect(server.sent('/meta/disconnect')).toEqual([]);
  second.disconnect();
  await pass(1_000);
  expect(server.sent('/meta/disconnect')).toHaveLength(1);
});

test('also when tabs end without a word', async () => {
  tab().connect();
  tab().connect();
  await pass(1_000);
  locks.crash();
  await pass(1_000);
  expect(server.sent('/meta/disconnect')).toHaveLength(1);
});

test('and begins again with the next', async () => {
  const first = tab();
  first.connect();
  await pass(1_000);
  first.disconnect();
  await pass(1_000);
  const second = tab();
  const subscription = outcome(second.subscribe('/a', () => {}));
  await pass(5_000);
  expect(subscription.is).toBe('resolved');
  expect(server.sent('/meta/handshake')).toHaveLength(2);
});

test('a tab is told that the server is away, and that it is back', async () => {
  const client = tab();
  const turns: string[] = [];
  client.on('transport:up', () => turns.push('up'));
  client.on('transport:down', () => turns.push('down'));
  client.connect();
  await pass(1_000);
  server.health['websocket'] = server.health['long-polling'] = 'refused';
  for (const link of server.links) if (!link.isOver) link.cut();
  await pass(20_000);
  expect(client.state).toBe('interrupted');
  delete server.health['websocket'];
  delete server.health['long-polling'];
  await pass(60_000);
  expect(client.state).toBe('connected');
  expect(turns).toEqual(['up', 'down', 'up']);
});

test('a server that lost the session: the tab hears on, and notices nothing', async () => {
  const client = tab();
  const heard = vi.fn();
  client.subscribe('/a', heard);
  await pass(1_000);
  server.forget();
  await pass(5_000);
  server.publish('/a', 1);
  await pass();
  expect(heard).toHaveBeenCalledWith(1);
  expect(client.state).toBe('connected');
});

test('a worker that cannot be started is no worse than none', async () => {
  worker.isBroken = true;
  const client = tab();
  client.connect();
  await pass(2_000);
  expect(client.state).toBe('connected');
  expect(client.transport).toBe('long-polling');
});

test('a refused handshake reaches the tab, and is tried again in time', async () => {
  server.rules['/meta/handshake'] = () => ({ successful: false, error: '403::Forbidden' });
  const client = tab();
  const publication = outcome(client.publish('/a', 1));
  await pass(3_000);
  expect(publication.error).toMatchObject({ code: 403, message: 'Forbidden' });
  expect(server.sent().length).toBeLessThan(5);
  delete server.rules['/meta/handshake'];
  await pass(60_000);
  expect(client.state).toBe('connected');
});

test("each tab's token goes with what it asks for", async () => {
  const client = tab({ token: 'secret' });
  client.subscribe('/a', () => {});
  await pass(1_000);
  expect(server.sent('/meta/handshake')[0]!.message.ext).toEqual({ token: 'secret' });
  expect(server.sent('/meta/subscribe')[0]!.message.ext).toEqual({ token: 'secret' });
});

test('without SharedWorker the transport is not there', () => {
  vi.stubGlobal('SharedWorker', undefined);
  expect(sharedWorker({}, new URL('http://server.test/')).isUsable(new URL('http://server.test/'), { headers: {} })).toBe(false);
});
