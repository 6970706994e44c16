// Sessions move between nodes that live, many at a time, while other requests of theirs are under way.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { METRICS, metricIs } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, RawSocket } from '../lib/cluster/raw.mjs';
import { AT_ONCE, numbers, publish, RawSession } from '../lib/cluster/raw-session.mjs';

/** Messages in a mailbox; each has 42 kB as JSON. */
const MAILBOXES = [1, 5, 25];
const SESSIONS_PER_MAILBOX = 6;
const LONG_TEXT = 'x"é\\'.repeat(6_000);
/** Redis cuts off who listens and is farther behind: less than the largest mailbox has. */
const HELD_FOR_LISTENERS = 'pubsub 1mb 1mb 0';

const together = (count, act) => Promise.all(numbers(1, count).map(act));

function subscribesWhileItMoves(carrier) {
  return async (workbench) => {
    const { nodes } = await startNodes(workbench, { startBalancer: null });
    const [from, to, third] = nodes;
    for (const round of numbers(1, 6)) {
      await together(40, async (number) => {
        const channel = `/n/moves/${round}/${number}`;
        const session = await RawSession.begin(from, '/n/before');
        const requests = [() => session.poll(to, AT_ONCE), () => session.subscribe(nodes[carrier], channel)];
        if (number % 2 === 0) requests.reverse();
        await Promise.all(requests.map((send) => send()));
        await publish(third, channel, channel);
        await session.pollFor(to, 1);
        assert.deepEqual(session.values, [channel]);
      });
    }
  };
}

testNodes('a session moves while a third node carries a subscribe of it', subscribesWhileItMoves(2));
testNodes('a session moves while its owner takes a subscribe of it', subscribesWhileItMoves(0));

testNodes('many sessions hop between two nodes, and none is lost or there twice', async (workbench) => {
  const [count, hops] = [60, 120];
  const environment = { ...CALM, FAYE_REDIS__HEARTBEAT: '50ms' };
  const { nodes } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  await together(count, async (number) => {
    const session = await RawSession.begin(nodes[0], `/n/hops/${number}`);
    for (const hop of numbers(1, hops)) await session.poll(nodes[hop % 2], AT_ONCE);
  });
  await metricIs(nodes, METRICS.sessions, (sum) => sum === count);
});

testNodes('a node that leaves gives away large mailboxes', async (workbench) => {
  const { redis, nodes: [leaving, staying] } = await startNodes(workbench, { startBalancer: null, size: 2 });
  const sessions = [];
  for (const length of MAILBOXES) {
    const begun = await together(SESSIONS_PER_MAILBOX, async () =>
      ({ length, session: await RawSession.begin(leaving, `/n/large/${length}`) }));
    sessions.push(...begun);
  }
  for (const length of MAILBOXES) {
    for (const number of numbers(1, length)) await publish(staying, `/n/large/${length}`, { number, text: LONG_TEXT });
  }
  const count = MAILBOXES.reduce((sum, length) => sum + length);
  await metricIs([leaving], METRICS.received, (sum) => sum === count);
  await redis.command('CONFIG', 'SET', 'client-output-buffer-limit', HELD_FOR_LISTENERS);
  await leaving.stop();
  for (const { length, session } of sessions) {
    await session.pollFor(staying, length);
    assert.deepEqual(session.values.map(({ number }) => number), numbers(1, length));
    assert.ok(session.values.every(({ text }) => text === LONG_TEXT), 'a message has changed');
  }
});

testNodes('extensions see the replies to held connects when their sessions move away', async (workbench) => {
  const stamp = fileURLToPath(new URL('../../extensions/stamp.js', import.meta.url));
  const environment = { ...CALM, FAYE_SERVER__TIMEOUT: '60s', FAYE_EXTENSIONS__FILES: stamp };
  const { nodes: [leaving] } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  const polling = await handshake(leaving.url);
  await poll(leaving.url, polling, AT_ONCE);
  const polled = poll(leaving.url, polling);
  const clientId = await handshake(leaving.url);
  const socket = await RawSocket.open(leaving.url);
  const connect = { channel: '/meta/connect', clientId, connectionType: 'websocket' };
  await socket.ask({ ...connect, id: 'first' });
  const answered = socket.ask({ ...connect, id: 'held' });
  await metricIs([leaving], METRICS.polls, (sum) => sum === 2);
  await post(leaving.url, [{ channel: '/mark', data: 'seen' }]);
  await leaving.stop();
  for (const reply of [(await polled)[0], await answered]) {
    assert.equal(reply.successful, true, JSON.stringify(reply));
    assert.equal(reply.ext.marks, 1, 'the reply was seen when its request came');
  }
});
