// The counts of "Pull the plug" alone: the module of the page that computes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tally } from '../../../src/admin/page/tally.js';

function tallyFrom(first) {
  const tally = new Tally();
  tally.begin(first);
  return tally;
}

const state = (tally) => {
  const { sent, received, waiting, lost, duplicates } = tally.counts;
  return [sent, received, waiting, lost, duplicates];
};

test('accepted numbers wait until they arrive, and are lost once a later one has', () => {
  const tally = tallyFrom(1);
  for (const number of [1, 2, 3, 4]) tally.accept(number);
  assert.deepEqual(state(tally), [4, 0, 4, 0, 0]);
  tally.receive(1, true);
  tally.receive(3, true);
  assert.deepEqual(state(tally), [4, 2, 1, 1, 0]);
  assert.deepEqual([1, 2, 3, 4].map((number) => tally.stateOf(number, true)), ['received', 'lost', 'received', 'waiting']);
  tally.receive(2, true);
  assert.deepEqual(state(tally), [4, 3, 1, 0, 0], 'it is no longer lost');
  assert.equal(tally.counts.outOfOrder, 1);
});

test('a number that arrives before the reply to its publication counts once', () => {
  const tally = tallyFrom(1);
  tally.receive(1, false);
  assert.deepEqual(state(tally), [1, 1, 0, 0, 0]);
  tally.receive(1, false);
  assert.deepEqual(state(tally), [1, 1, 0, 0, 1]);
  tally.accept(1);
  tally.receive(1, true);
  assert.deepEqual(state(tally), [1, 1, 0, 0, 2]);
});

test('numbers from before the subscription do not count', () => {
  const tally = new Tally();
  tally.accept(1);
  tally.receive(1, true);
  tally.begin(3);
  tally.accept(2);
  tally.receive(2, true);
  assert.deepEqual(state(tally), [0, 0, 0, 0, 0]);
  assert.equal(tally.stateOf(2, true), 'none');
});

test('a number that the server did not accept is not lost', () => {
  const tally = tallyFrom(1);
  tally.accept(1);
  tally.accept(3);
  tally.receive(1, true);
  tally.receive(3, true);
  assert.deepEqual(state(tally), [2, 2, 0, 0, 0]);
  assert.equal(tally.stateOf(2, false), 'none');
});
