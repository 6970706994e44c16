/**
 * Events with Node's names and with Faye's.
 */

import { expect, test, vi } from 'vitest';
import { Emitter } from '../src/emitter.js';
import { fakeTime } from './time.js';

fakeTime();

class Bell extends Emitter<{ ring: [number, string]; other: [] }> {
  constructor() {
    super('ring other');
  }
}

test.each(['on', 'addListener', 'bind'] as const)('%s adds a listener, which is given all arguments', (add) => {
  const bell = new Bell();
  const heard = vi.fn();
  expect(bell[add]('ring', heard)).toBe(bell);
  bell.emit('ring', 1, 'x');
  bell.trigger('ring', 2, 'y');
  bell.emit('other');
  expect(heard.mock.calls).toEqual([[1, 'x'], [2, 'y']]);
});

test('listeners of on are called with the emitter, those of bind with their context', () => {
  const bell = new Bell();
  const context = {};
  const heard = vi.fn();
  bell.on('ring', heard);
  bell.bind('ring', heard, context);
  bell.emit('ring', 1, 'x');
  expect(heard.mock.contexts).toEqual([bell, context]);
});

test('once hears once', () => {
  const bell = new Bell();
  const heard = vi.fn();
  bell.once('ring', heard);
  bell.emit('ring', 1, 'x');
  bell.emit('ring', 2, 'y');
  expect(heard.mock.calls).toEqual([[1, 'x']]);
});

test('once, also when the listener rings again', () => {
  const bell = new Bell();
  const heard = vi.fn(() => void bell.emit('ring', 2, 'y'));
  bell.once('ring', heard);
  bell.emit('ring', 1, 'x');
  expect(heard).toHaveBeenCalledTimes(1);
});

test.each(['off', 'removeListener', 'unbind'] as const)('%s removes that listener only', (remove) => {
  const bell = new Bell();
  const gone = vi.fn();
  const stays = vi.fn();
  bell.on('ring', gone).on('ring', stays);
  expect(bell[remove]('ring', gone)).toBe(bell);
  bell.emit('ring', 1, 'x');
  expect(gone).not.toHaveBeenCalled();
  expect(stays).toHaveBeenCalledTimes(1);
});

test('unbind may name a context, or no listener at all', () => {
  const bell = new Bell();
  const heard = vi.fn();
  const [first, second] = [{ name: 1 }, { name: 2 }];
  bell.bind('ring', heard, first).bind('ring', heard, second);
  bell.unbind('ring', heard, first);
  bell.emit('ring', 1, 'x');
  expect(heard.mock.contexts).toEqual([second]);
  bell.unbind('ring');
  expect(bell.emit('ring', 1, 'x')).toBe(false);
});

test('removeAllListeners, of one event or of all', () => {
  const bell = new Bell();
  bell.on('ring', () => {}).on('other', () => {});
  bell.removeAllListeners('ring');
  expect([bell.countListeners('ring'), bell.countListeners('other')]).toEqual([0, 1]);
  bell.removeAllListeners();
  expect(bell.countListeners('other')).toBe(0);
});

test('listeners and countListeners say who listens', () => {
  const bell = new Bell();
  const heard = (): void => {};
  expect(bell.listeners('ring')).toEqual([]);
  bell.on('ring', heard).once('ring', heard);
  expect(bell.listeners('ring')).toEqual([heard, heard]);
  expect(bell.countListeners('ring')).toBe(2);
});

test('emit says whether anybody listens', () => {
  const bell = new Bell();
  expect(bell.emit('other')).toBe(false);
  bell.on('other', () => {});
  expect(bell.emit('other')).toBe(true);
});

test('who comes or goes during an event does not change who hears it', () => {
  const bell = new Bell();
  const second = vi.fn();
  const third = vi.fn();
  bell.on('other', () => bell.off('other', second).on('other', third));
  bell.on('other', second);
  bell.emit('other');
  expect(second).toHaveBeenCalledTimes(1);
  expect(third).not.toHaveBeenCalled();
});

test('a listener that throws does not keep the others from hearing; its error comes up later', () => {
  const bell = new Bell();
  const heard = vi.fn();
  bell.on('other', () => {
    throw new Error('Mine');
  });
  bell.on('other', heard);
  expect(bell.emit('other')).toBe(true);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(() => vi.advanceTimersByTime(1)).toThrow('Mine');
});
