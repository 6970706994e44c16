// A node that was stopped for longer than its lease does not deliver for sessions that others have adopted.

import assert from 'node:assert/strict';

import { METRICS, metric, ready } from '../lib/cluster/metrics.mjs';
import { QUICK, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, RawSocket, subscribe } from '../lib/cluster/raw.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const dataOf = (socket) => socket.log.entries.filter(({ data }) => data !== undefined).map(({ data }) => data);

async function publish(node, channel, ...values) {
  for (const data of values) {
    const [reply] = await post(node.url, [{ channel, data }]);
    assert.equal(reply.successful, true, JSON.stringify(reply));
  }
}

async function attach(workbench, node, clientId) {
  const socket = await RawSocket.open(node.url);
  workbench.atEnd(() => socket.close());
  socket.send({ channel: '/meta/connect', clientId, connectionType: 'websocket', id: 'w' });
  return socket;
}

testNodes('a node comes back after its sessions were adopted', async (workbench) => {
  const { nodes: [stopped, adopter, third] } = await startNodes(workbench, { startBalancer: null, environment: QUICK });
  const clientId = await handshake(stopped.url);
  await subscribe(stopped.url, clientId, '/h/fenced');
  const before = await attach(workbench, stopped, clientId);
  await publish(third, '/h/fenced', ...numbers(1, 5));
  await before.log.waitFor(({ data }) => data === 5);

  stopped.signal('SIGSTOP');
  await until('another node has adopted the session', async () => {
    const [reply] = (await poll(adopter.url, clientId, { timeout: 0 })).filter(({ channel }) => channel === '/meta/connect');
    return reply.successful && await metric(adopter, METRICS.adopted) > 0;
  });
  const after = await attach(workbench, adopter, clientId);
  await publish(third, '/h/fenced', ...numbers(101, 110));
  await after.log.waitFor(({ data }) => data === 110);

  stopped.signal('SIGCONT');
  // It was asked for the session before it could see that it had lost it, or finds out by itself.
  await until('the session has ended at the node that was stopped', async () =>
    await metric(stopped, METRICS.fenced) + await metric(stopped, METRICS.released) > 0);
  await ready(stopped, adopter, third);
  for (const number of numbers(201, 215)) await publish([stopped, adopter, third][number % 3], '/h/fenced', number);
  await after.log.waitFor(({ data }) => data === 215);

  assert.deepEqual(dataOf(before), numbers(1, 5));
  // What came in the last heartbeat before the node stopped may come again, and nothing else.
  const repeated = dataOf(after).filter((data) => data <= 5);
  assert.deepEqual(dataOf(after).filter((data) => data > 5), [...numbers(101, 110), ...numbers(201, 215)]);
  assert.equal(new Set(repeated).size, repeated.length);

  // Asked again, it has the session brought by its new owner or answers for it, but it does not call it unknown.
  const [reply] = (await poll(stopped.url, clientId, { timeout: 0 })).filter(({ channel }) => channel === '/meta/connect');
  assert.equal(reply.successful, true, JSON.stringify(reply));
});
