// A few rounds of faults with fixed seeds, which `make chaos` runs in numbers; that a seed gives one plan; and that the oracle
// finds what violates a guarantee, and no more than the exceptions allow.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { groupsOf, runGroup } from '../lib/chaos/campaign.mjs';
import { judge } from '../lib/chaos/oracle.mjs';
import { planOf, TIMES } from '../lib/chaos/plan.mjs';

/** Seeds that found a defect, or a mutation of the server, and one of each kind of cluster. */
const SEEDS = [[4, 6], [10, 11, 13, 17], [21], [33], [54], [74]];

for (const seeds of SEEDS) {
  test(`rounds of the seeds ${seeds.join(', ')}`, async () => {
    const failures = await runGroup(seeds);
    assert.equal(failures.length, 0, failures.join('\n'));
  });
}

test('a seed gives one plan', () => {
  for (let seed = 0; seed < 200; seed += 1) assert.deepEqual(planOf(seed), planOf(seed));
  const plans = new Set(Array.from({ length: 200 }, (_, seed) => JSON.stringify(planOf(seed, 'same'))));
  assert.ok(plans.size === 200, `${plans.size} of 200 plans differ`);
  const kinds = new Set(Array.from({ length: 400 }, (_, seed) => planOf(seed).faults.map(({ kind }) => kind)).flat());
  assert.deepEqual([...kinds].sort(), ['crash', 'cut', 'failover', 'flush', 'freeze', 'freeze-long', 'kill', 'kill-commands', 'kill-pubsub',
    'memory-full', 'pause', 'silence', 'slow', 'stall', 'stop']);
});

test('seeds of one cluster are run together', () => {
  assert.deepEqual(groupsOf(8, 5), [[8, 9], [10, 11, 12]]);
});

const publication = (number, more = {}) => ({
  id: `p|/n/r/a|${number}`, publisher: 'p', channel: '/n/r/a', number, node: 0, bytes: 0, sent: 100 * number, settled: 100 * number + 10,
  outcome: 'accepted', hasReply: true, error: null, ...more,
});
const ALL = [1, 2, 3, 4].map((number) => publication(number));
const arrival = (number, more = {}) => ({ id: `p|/n/r/a|${number}`, bytes: 0, channel: '/n/r/a', at: 100 * number + 20, link: 0, ...more });
const link = (more = {}) => ({ kind: 'socket', node: 0, opened: 10, confirmed: 20, over: null, cut: null, halfClosed: null, slow: [], ...more });
const session = (arrivals, more = {}) => ({
  name: 's', transport: 'websocket', clientId: 'c', node: 0, began: 0, known: 5, refused: null, arrivals, links: [link()], connects: [],
  subscriptions: [{ pattern: '/n/r/*', asked: 6, sent: 6, acknowledged: 8 }], ...more,
});
const numbers = (...list) => list.map((number) => arrival(number));
const fault = (kind, node, from, to) => ({ kind, node, from, begun: from + 1, healed: to, to });
const history = (list) => list.map((each) => ({ ...each, id: each.id.replace('/n/', '/h/'), channel: '/h/r/a' }));
const withHistory = (arrivals) => session(history(arrivals), { subscriptions: [{ pattern: '/h/r/*', asked: 6, sent: 6, acknowledged: 8 }] });
const record = (more) => ({ ack: 'cluster', size: 2, faults: [], publications: ALL, sessions: [], histories: {}, missed: [], ...more });

/** A connection that was cut at 250, and the next one, confirmed at 330. */
const CUT = [link({ cut: { at: 250, how: 'cut' }, over: { at: 250, how: 'cut' } }), link({ opened: 260, confirmed: 330 })];
/** A session that goes from node 1 to node 2 at 2600, when node 1 counts as dead. */
const MOVED = [link({ over: { at: 240, how: 'end' } }), link({ node: 1, opened: 2_500, confirmed: 2_600 })];
const refused = (at) => ({ at, sent: at - 5, node: 1, verb: '/meta/connect', error: '401:c:Unknown client', advice: { reconnect: 'handshake' } });

/** Title to a record, and what is found: a pattern for each violation. */
const CASES = {
  'all is right': [record({ sessions: [session(numbers(1, 2, 3, 4))] }), []],
  'one is lost': [record({ sessions: [session(numbers(1, 2, 4))] }), [/^G1: s did not get p\|\/n\/r\/a\|3$/]],
  'what was published before the subscription is not lost': [record({ sessions: [session(numbers(3, 4), {
    subscriptions: [{ pattern: '/n/r/*', asked: 210, sent: 210, acknowledged: 215 }] })] }), []],
  'one is lost when its connection is cut': [record({ sessions: [session([arrival(1), arrival(2), arrival(4, { link: 1 })], { links: CUT })] }), []],
  'one before a cut is lost, though a later one arrived before it': [
    record({ sessions: [session([arrival(1), arrival(3, { at: 240 }), arrival(4, { link: 1 })], { links: CUT })] }), [/^G1: .*\|2$/]],
  'one is lost long after a cut': [record({ sessions: [session([arrival(1), arrival(2), arrival(3, { link: 1 })], { links: CUT })] }), [/^G1: .*\|4$/]],
  'one is lost by a half-closed connection': [
    record({ sessions: [session([arrival(1), arrival(2), arrival(4, { link: 1 })], { links: [link({ halfClosed: 250, over: { at: 255, how: 'end' } }), link({ opened: 260 })] })] }),
    [/^G1: .*\|3$/]],
  'one is lost by a node that alone loses Redis': [record({ faults: [fault('cut', 0, 290, 320)], sessions: [session(numbers(1, 2, 4))] }), []],
  'one is lost by another node than that which loses Redis': [
    record({ faults: [fault('cut', 1, 290, 320)], sessions: [session(numbers(1, 2, 4))] }), [/^G1: .*\|3$/]],
  'one is lost while all lose Redis': [record({ faults: [fault('pause', null, 290, 320)], sessions: [session(numbers(1, 2, 4))] }), [/^G1: .*\|3$/]],
  'one with a history is lost by a node that alone loses Redis': [
    record({ faults: [fault('cut', 0, 290, 320)], publications: history(ALL), sessions: [withHistory(numbers(1, 2, 4))] }), [/^G5: s .*\|3$/]],
  'the session ends, and its client is told': [
    record({ faults: [fault('flush', null, 340, 345)], sessions: [session(numbers(1, 2), { refused: refused(400) })] }), []],
  'the session ends without a reason': [record({ sessions: [session(numbers(1, 2), { refused: refused(400) })] }), [/^G4: s ended: 401/]],
  'the session ends long after Redis lost it': [
    record({ faults: [fault('flush', null, 340, 345)], sessions: [session(numbers(1, 2), { refused: refused(2_400) })] }), [/^G4: s ended/]],
  'the session ends because its client was away': [record({ sessions: [session(numbers(1, 2), { refused: refused(2 * TIMES.timeout + 10) })] }), []],
  'the session ends without advice': [
    record({ faults: [fault('flush', null, 340, 345)], sessions: [session(numbers(1, 2), { refused: { ...refused(400), advice: null } })] }), [/^G1: .*advice/]],
  'one that was refused arrives': [record({ publications: [publication(1, { outcome: 'refused' })], sessions: [session(numbers(1))] }), [/^G1: .*refused$/]],
  'one that was not published arrives': [record({ sessions: [session(numbers(1, 2, 3, 4, 5))] }), [/^G1: .*not published$/]],
  'one arrives changed': [record({ sessions: [session([arrival(1, { bytes: 3 }), ...numbers(2, 3, 4)])] }), [/^G1: .*changed$/]],
  'one arrives that was not subscribed to': [record({ sessions: [session(numbers(1), { subscriptions: [] })] }), [/^G1: .*not subscribed$/]],
  'one arrives that was published before the unsubscription': [
    record({ sessions: [session(numbers(1, 2, 3), { subscriptions: [{ pattern: '/n/r/*', asked: 6, sent: 6, acknowledged: 8, end: { asked: 305, sent: 305, acknowledged: 309 } }] })] }), []],
  'one is lost before the unsubscription': [
    record({ sessions: [session(numbers(2), { subscriptions: [{ pattern: '/n/r/*', asked: 6, sent: 6, acknowledged: 8, end: { asked: 305, sent: 305, acknowledged: 309 } }] })] }),
    [/^G1: s did not get p\|\/n\/r\/a\|1$/]],
  'one arrives after the unsubscription': [
    record({ sessions: [session(numbers(1, 2, 3, 4), { subscriptions: [{ pattern: '/n/r/*', asked: 6, sent: 6, acknowledged: 8, end: { asked: 305, sent: 305, acknowledged: 309 } }] })] }),
    [/^G1: s got .*\|4, from which it had unsubscribed$/]],
  'two are out of order': [record({ sessions: [session([arrival(1), arrival(3), arrival(2), arrival(4)])] }), [/^G2: s has .*\|2 after .*\|3$/]],
  'two are out of order, the first without a reply': [
    record({ publications: [ALL[0], publication(2, { outcome: 'unknown', hasReply: false }), ...ALL.slice(2)],
      sessions: [session([arrival(1), arrival(3), arrival(2), arrival(4)])] }), []],
  'two are out of order, the first with a 503 of the same node': [
    record({ publications: [ALL[0], publication(2, { outcome: 'unknown' }), ...ALL.slice(2)],
      sessions: [session([arrival(1), arrival(3), arrival(2), arrival(4)])] }), [/^G2/]],
  'two sessions have two orders': [
    record({ publications: [publication(1), publication(1, { id: 'q|/n/r/a|1', publisher: 'q' })],
      sessions: [session([arrival(1), arrival(1, { id: 'q|/n/r/a|1' })]), session([arrival(1, { id: 'q|/n/r/a|1' }), arrival(1)], { name: 't' })] }),
    [/^G3: on \/n\/r\/a/]],
  'one arrives twice': [record({ sessions: [session(numbers(1, 2, 2, 3, 4))] }), [/^G4: s got .*\|2 twice$/]],
  'one arrives again from the adopter of a node that was killed': [
    record({ faults: [fault('kill', 0, 250, 5_000)], publications: ALL.slice(0, 2),
      sessions: [session([...numbers(1, 2), arrival(2, { at: 2_600, link: 1 })], { links: MOVED })] }), []],
  'one arrives again that was written long before the kill': [
    record({ faults: [fault('kill', 0, 2_300, 5_000)], publications: ALL.slice(0, 2),
      sessions: [session([...numbers(1, 2), arrival(2, { at: 2_600, link: 1 })], { links: MOVED })] }), [/^G4: .*twice$/]],
  'one arrives again after another node was killed': [
    record({ faults: [fault('kill', 1, 250, 400)], publications: ALL.slice(0, 2),
      sessions: [session([...numbers(1, 2), arrival(2, { at: 430 })])] }), [/^G4: .*twice$/]],
  'a history lacks one': [record({ publications: history(ALL), histories: { '/h/r/a': history(ALL).map(({ id }) => id).slice(1) } }), [/^G5: the history .*not have/]],
  'a history lost what was before Redis came back empty': [
    record({ faults: [fault('flush', null, 150, 152)], publications: history(ALL), histories: { '/h/r/a': history(ALL).map(({ id }) => id).slice(3) } }), []],
  'a history has one twice': [
    record({ publications: history(ALL), histories: { '/h/r/a': [...history(ALL), history(ALL)[3]].map(({ id }) => id) } }), [/^G5: .*twice$/, /^G2/]],
  'a node counts more than it missed': [
    record({ sessions: [session(numbers(1, 2, 3, 4), { name: 'w' })], missed: [{ node: 0, missed: 1, watcher: 'w' }] }), [/^G1: node 1 counts 1/]],
  'a node counts less than it missed': [
    record({ faults: [fault('cut', 0, 290, 320)], sessions: [session(numbers(1, 2, 4), { name: 'w' })], missed: [{ node: 0, missed: 0, watcher: 'w' }] }),
    [/^G1: node 1 counts 0/]],
};

for (const [title, [given, wanted]] of Object.entries(CASES)) {
  test(`the oracle: ${title}`, () => {
    const found = judge(given).map(({ guarantee, text }) => `${guarantee}: ${text}`);
    assert.equal(found.length, wanted.length, found.join('\n'));
    for (const [index, pattern] of wanted.entries()) assert.match(found[index], pattern);
  });
}
