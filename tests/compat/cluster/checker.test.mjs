// The checker finds what is wrong with a record, and nothing where all is right.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { matches, violations } from '../lib/cluster/checker.mjs';

const publication = (number, more = {}) =>
  ({ publisher: 'p', channel: '/a', number, outcome: 'accepted', phase: 'calm', ...more });
const arrival = (number, more = {}) => ({ publisher: 'p', channel: '/a', number, ...more });
const subscriber = (name, arrivals, more = {}) => ({ name, patterns: ['/a'], clientIds: ['one'], arrivals, ...more });
const numbers = (...list) => list.map((number) => arrival(number));

const ALL = [publication(1), publication(2), publication(3)];

/** Title to record, rules, and what is found: a pattern for each violation, in their order. */
const CASES = {
  'all is right': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 2, 3))] }, {}, []],
  'the last one is lost': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 2))] }, {},
    [/^G1: s did not get p's 3 on \/a, published calm$/]],
  'everything is lost': [{ publications: ALL, subscribers: [subscriber('s', [])] }, {}, [/^G1/, /^G1/, /^G1/]],
  'a loss that is allowed': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 3))] },
    { mayBeLost: ({ number }) => number === 2 }, []],
  'a loss that is allowed for another one': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 3))] },
    { mayBeLost: ({ number }) => number === 3 }, [/^G1.* 2 /]],
  'a gap on a channel with history, though losses are allowed': [
    { publications: ALL, subscribers: [subscriber('s', numbers(1, 3))] },
    { mayBeLost: () => true, hasHistory: (channel) => channel === '/a' }, [/^G5: s did not get p's 2 .* has history$/]],
  'what was refused need not arrive, nor what nobody answered': [{
    publications: [publication(1), publication(2, { outcome: 'refused' }), publication(3, { outcome: 'unknown' })],
    subscribers: [subscriber('s', numbers(1))],
  }, {}, []],
  'what nobody answered may arrive': [{
    publications: [publication(1, { outcome: 'unknown' })], subscribers: [subscriber('s', numbers(1))],
  }, {}, []],
  'what was refused arrives': [{
    publications: [publication(1, { outcome: 'refused' })], subscribers: [subscriber('s', numbers(1))],
  }, {}, [/^G1: s got p's 1 on \/a, which was refused$/]],
  'what nobody published arrives': [{ publications: [], subscribers: [subscriber('s', numbers(7))] }, {},
    [/^G1: s got p's 7 on \/a, which nobody published$/]],
  'what is for others arrives': [{
    publications: [publication(1, { channel: '/b' })],
    subscribers: [subscriber('s', [arrival(1, { channel: '/b' })])],
  }, {}, [/^G1: s got p's 1 on \/b, to which it is not subscribed$/]],
  'what is for others does not arrive': [{
    publications: [publication(1, { channel: '/b' })], subscribers: [subscriber('s', [])],
  }, {}, []],
  'a publisher is overtaken by itself': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 3, 2))] }, {},
    [/^G2: s got p's 2 on \/a after 3$/]],
  'each channel has a first in, first out of its own': [{
    publications: [publication(1), publication(1, { channel: '/b' }), publication(2)],
    subscribers: [subscriber('s', [arrival(1), arrival(2), arrival(1, { channel: '/b' })], { patterns: ['/*'] })],
  }, {}, []],
  'one arrives twice': [{ publications: ALL, subscribers: [subscriber('s', numbers(1, 2, 2, 3))] }, {},
    [/^G4: s got p's 2 on \/a twice, published calm$/]],
  'one arrives three times and is told of once': [
    { publications: ALL, subscribers: [subscriber('s', numbers(1, 2, 2, 3, 2))] }, {}, [/^G4.* 2 .*twice/]],
  'one may arrive twice, later than others': [{
    publications: [publication(1, { phase: 'crash' }), publication(2)], subscribers: [subscriber('s', numbers(1, 2, 1))],
  }, { mayArriveTwice: ({ phase }) => phase === 'crash' }, []],
  'one may arrive twice, another does': [{
    publications: [publication(1, { phase: 'crash' }), publication(2)], subscribers: [subscriber('s', numbers(1, 2, 2))],
  }, { mayArriveTwice: ({ phase }) => phase === 'crash' }, [/^G4.* 2 /]],
  'two publishers in one order for all': [{
    publications: [publication(1), publication(1, { publisher: 'q' })],
    subscribers: ['s', 't'].map((name) => subscriber(name, [arrival(1), arrival(1, { publisher: 'q' })])),
  }, {}, []],
  'two publishers in two orders': [{
    publications: [publication(1), publication(1, { publisher: 'q' })],
    subscribers: [
      subscriber('s', [arrival(1), arrival(1, { publisher: 'q' })]),
      subscriber('t', [arrival(1, { publisher: 'q' }), arrival(1)]),
    ],
  }, {}, [/^G3: on \/a t got q's 1 before p's 1, s the other way round$/]],
  'two orders where that is allowed': [{
    publications: [publication(1), publication(1, { publisher: 'q', phase: 'parted' })],
    subscribers: [
      subscriber('s', [arrival(1), arrival(1, { publisher: 'q' })]),
      subscriber('t', [arrival(1, { publisher: 'q' }), arrival(1)]),
    ],
  }, { mayBeOutOfOrder: ({ phase }) => phase === 'parted' }, []],
  'two channels in two orders, which nobody promised': [{
    publications: [publication(1), publication(1, { channel: '/b' })],
    subscribers: [
      subscriber('s', [arrival(1), arrival(1, { channel: '/b' })], { patterns: ['/*'] }),
      subscriber('t', [arrival(1, { channel: '/b' }), arrival(1)], { patterns: ['/*'] }),
    ],
  }, {}, []],
  'a client has two sessions': [{ publications: [], subscribers: [subscriber('s', [], { clientIds: ['one', 'two'] })] },
    {}, [/^G4: s had 2 sessions: one, two$/]],
  'a client has no session': [{ publications: [], subscribers: [subscriber('s', [], { clientIds: [] })] },
    {}, [/^G4: s had 0 sessions/]],
  'a client may begin anew': [{ publications: [], subscribers: [subscriber('s', [], { clientIds: ['one', 'two'] })] },
    { mayBeginAnew: true }, []],
};

for (const [title, [record, rules, expected]] of Object.entries(CASES)) {
  test(title, () => {
    const found = violations(record, rules);
    assert.equal(found.length, expected.length, found.join('\n'));
    for (const [index, pattern] of expected.entries()) assert.match(found[index], pattern);
  });
}

test('patterns match as those of the server', () => {
  const cases = [
    ['/a', '/a', true], ['/a', '/a/b', false], ['/a/*', '/a/b', true], ['/a/*', '/a/b/c', false], ['/a/*', '/a', false],
    ['/a/**', '/a/b', true], ['/a/**', '/a/b/c', true], ['/a/**', '/a', false], ['/a/**', '/ab/c', false],
    ['/*', '/a', true], ['/**', '/a/b', true],
  ];
  for (const [pattern, channel, expected] of cases) assert.equal(matches(pattern, channel), expected, `${pattern} ${channel}`);
});
