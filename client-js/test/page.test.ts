/**
 * The browser's environment: which transports there are, and what a page goes through.
 */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Watcher } from '../src/environment.js';
import type { page as Page } from '../src/page.js';
import { fakeTime } from './time.js';

fakeTime();

let window: EventTarget;
let document: EventTarget & { visibilityState: string };
let page: typeof Page;
let watcher: { [Name in keyof Watcher]: ReturnType<typeof vi.fn<() => void>> };
let unwatch: (() => void)[] = [];

beforeEach(async () => {
  window = new EventTarget();
  document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('document', document);
  vi.stubGlobal('location', new URL('http://page.test/some/page'));
  vi.resetModules();
  ({ page } = await import('../src/page.js'));
  watcher = { wake: vi.fn(), doubt: vi.fn(), hide: vi.fn(), leave: vi.fn() };
  unwatch = [page.watch(watcher)];
});
afterEach(() => {
  for (const stop of unwatch) stop();
  vi.unstubAllGlobals();
});

const happen = (name: string, fields: object = {}): void => void window.dispatchEvent(Object.assign(new Event(name), fields));
const calls = (): number[] => [watcher.wake, watcher.doubt, watcher.leave].map(({ mock }) => mock.calls.length);

function show(state: 'visible' | 'hidden'): void {
  document.visibilityState = state;
  document.dispatchEvent(new Event('visibilitychange'));
}

test('online wakes, offline casts doubt', () => {
  happen('online');
  expect(calls()).toEqual([1, 0, 0]);
  happen('offline');
  expect(calls()).toEqual([1, 1, 0]);
});

test('a page that goes for good is left; one that may come back is not', () => {
  happen('pagehide', { persisted: true });
  expect(calls()).toEqual([0, 0, 0]);
  happen('pagehide', { persisted: false });
  expect(calls()).toEqual([0, 0, 1]);
});

test('a page that goes, or is hidden, may not come back', () => {
  happen('pagehide', { persisted: true });
  happen('pagehide', { persisted: false });
  expect(watcher.hide).toHaveBeenCalledTimes(2);
  expect(watcher.hide.mock.invocationCallOrder[1]).toBeLessThan(watcher.leave.mock.invocationCallOrder[0]!);
  show('hidden');
  show('visible');
  expect(watcher.hide).toHaveBeenCalledTimes(3);
});

test('a page that comes back from the cache wakes', () => {
  happen('pageshow', { persisted: false });
  expect(calls()).toEqual([0, 0, 0]);
  happen('pageshow', { persisted: true });
  expect(calls()).toEqual([1, 0, 0]);
});

test('a page that is looked at again wakes if it was hidden for a while', () => {
  show('hidden');
  vi.advanceTimersByTime(4_000);
  show('visible');
  expect(calls()).toEqual([0, 0, 0]);
  show('hidden');
  vi.advanceTimersByTime(6_000);
  show('visible');
  expect(calls()).toEqual([1, 0, 0]);
});

test('every client that watches is told, and no one after it has stopped', () => {
  const other = { wake: vi.fn(), doubt: vi.fn(), hide: vi.fn(), leave: vi.fn() };
  const stop = page.watch(other);
  happen('online');
  expect(calls()).toEqual([1, 0, 0]);
  expect(other.wake).toHaveBeenCalledTimes(1);
  stop();
  happen('online');
  expect(other.wake).toHaveBeenCalledTimes(1);
  expect(calls()).toEqual([2, 0, 0]);
});

test('a client that stops while all are told does not disturb it', () => {
  const other = { wake: vi.fn(), doubt: vi.fn(), hide: vi.fn(), leave: vi.fn() };
  watcher.wake.mockImplementation(() => unwatch[0]!());
  unwatch.push(page.watch(other));
  happen('online');
  expect(other.wake).toHaveBeenCalledTimes(1);
});

test("the order of transports is Faye's, with the shared one first where it is wanted", () => {
  const endpoint = new URL('http://page.test/faye');
  const types = (options: object): string[] => page.kinds(options, endpoint).map(({ type }) => type);
  const usual = ['websocket', 'eventsource', 'long-polling', 'cross-origin-long-polling', 'callback-polling'];
  expect(types({})).toEqual(usual);
  expect(types({ shared: true })).toEqual(['shared', ...usual]);
  expect(types({ shared: false })).toEqual(usual);
});

test('endpoints are relative to the page', () => {
  expect(page.resolve('/faye').href).toBe('http://page.test/faye');
  expect(page.resolve('http://other.test/faye').href).toBe('http://other.test/faye');
});

test('outside of a page there is nothing to watch, and that is no error', async () => {
  vi.unstubAllGlobals();
  vi.resetModules();
  const { page: none } = await import('../src/page.js');
  expect(none.resolve('http://server.test/faye').href).toBe('http://server.test/faye');
  expect(() => none.resolve('/faye')).toThrow();
  none.watch(watcher)();
});
