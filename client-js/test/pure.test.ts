/**
 * The parts that only compute: errors, delays, channels, cookies, messages, options.
 */

import { expect, test, vi } from 'vitest';
import { delayAfter } from '../src/backoff.js';
import { patternsOf } from '../src/channel.js';
import { Cookies } from '../src/cookies.js';
import { FayeError, parseError } from '../src/error.js';
import { parseMessages } from '../src/message.js';
import { fakeTime } from './time.js';

fakeTime();

test.each([
  ['405:/a/**,/b:Invalid channel', 405, ['/a/**', '/b'], 'Invalid channel'],
  ['401::Unknown client', 401, [''], 'Unknown client'],
  ['403:x:with: colons: in it', 403, ['x'], 'with: colons: in it'],
  ['403::several\nlines', 403, [''], 'several\nlines'],
  ['403::', 403, [''], ''],
  ['something else', null, [], 'something else'],
  ['40:x:short', null, [], '40:x:short'],
  ['4030:x:long', null, [], '4030:x:long'],
  [' 403:x:space', null, [], ' 403:x:space'],
  ['', null, [], ''],
  [undefined, null, [], ''],
  [{ code: 1 }, null, [], ''],
])('the error %j is read', (text, code, params, message) => {
  const error = parseError(text);
  expect(error).toBeInstanceOf(FayeError);
  expect(error.name).toBe('FayeError');
  expect({ code: error.code, params: error.params, message: error.message }).toEqual({ code, params, message });
});

test('an error is written as it was read', () => {
  expect(String(parseError('405:/a,/b:Invalid channel'))).toBe('405:/a,/b:Invalid channel');
});

test('the first delay is within a second, the next within retry, doubled up to the limit', () => {
  const lowest = (failures: number): number => delayAfter(failures, 5, 60, () => 0) / 1_000;
  const highest = (failures: number): number => delayAfter(failures, 5, 60, () => 1) / 1_000;
  expect([0, 1, 2, 3, 4, 5, 6, 7, 1_000].map(lowest)).toEqual([0, 0, 2.5, 5, 10, 20, 30, 30, 30]);
  expect([0, 1, 2, 3, 4, 5, 6, 7, 1_000].map(highest)).toEqual([1, 1, 5, 10, 20, 40, 60, 60, 60]);
});

test('a retry below a second holds for the first too, and a limit below retry counts as retry', () => {
  expect(delayAfter(1, 0.2, 60, () => 1)).toBe(200);
  expect(delayAfter(9, 5, 1, () => 1)).toBe(5_000);
});

test.each([
  ['/a', ['/**', '/a', '/*']],
  ['/a/b', ['/**', '/a/b', '/a/*', '/a/**']],
  ['/a/b/c', ['/**', '/a/b/c', '/a/b/*', '/a/**', '/a/b/**']],
])('the patterns of %s', (channel, patterns) => {
  expect(patternsOf(channel)).toEqual(patterns);
});

const host = new URL('http://server.test:8000/faye');

test('cookies are kept for each host and sent back', () => {
  const cookies = new Cookies();
  expect(cookies.header(host)).toBe(undefined);
  cookies.store(host, ['route=a1; Path=/; HttpOnly', ' other=x=y; Secure']);
  cookies.store(host, ['route=b2']);
  expect(cookies.header(host)).toBe('route=b2; other=x=y');
  expect(cookies.header(new URL('http://server.test:9000/'))).toBe(undefined);
});

test('cookies that are over are deleted', () => {
  const cookies = new Cookies();
  cookies.store(host, ['a=1', 'b=2', 'c=3', 'd=4; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  cookies.store(host, ['a=; Max-Age=0', 'b=; expires=Thu, 01 Jan 1970 00:00:00 GMT', 'c=; max-age=-1']);
  expect(cookies.header(host)).toBe('d=4');
});

test('nonsense is no cookie, and there is an end to their number', () => {
  const cookies = new Cookies();
  cookies.store(host, ['', ';', '=x', 'no value']);
  expect(cookies.header(host)).toBe(undefined);
  cookies.store(host, Array.from({ length: 500 }, (_, number) => `n${number}=1`));
  cookies.store(host, ['n0=2']);
  const header = cookies.header(host)!;
  expect(header.split('; ').length).toBeLessThanOrEqual(50);
  expect(header.startsWith('n0=2; ')).toBe(true);
});

test.each([
  ['[{"channel":"/a"},{"id":"1"}]', [{ channel: '/a' }, { id: '1' }]],
  ['{"channel":"/a"}', [{ channel: '/a' }]],
  ['[]', []],
  ['[null,1,"x",[],{"channel":"/a"}]', [{ channel: '/a' }]],
  ['{"message":"not Bayeux"}', undefined],
  ['null', undefined],
  ['"text"', undefined],
  ['<html>', undefined],
  ['', undefined],
  [undefined, undefined],
  [new ArrayBuffer(1), undefined],
])('messages in %j', (text, messages) => {
  expect(parseMessages(text)).toEqual(messages);
});

test('the delay asks for chance each time', () => {
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(1);
  delayAfter(3, 5, 60);
  delayAfter(3, 5, 60);
  expect(random).toHaveBeenCalledTimes(2);
});
