// Some clients take `advice.interval` for seconds: whatever happens to a node, a client that holds its session is advised
// to come back at once.

import assert from 'node:assert/strict';

import { METRICS, metricIs, notReady } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, RawSocket, subscribe } from '../lib/cluster/raw.mjs';

const COUNT = 20;
const AT_ONCE = { timeout: 0 };
// Connects that are held end when their session moves, and not before.
const environment = { ...CALM, FAYE_SERVER__TIMEOUT: '5m' };

async function connect(url, clientId) {
  const message = { channel: '/meta/connect', clientId, connectionType: 'long-polling' };
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify([message]) });
  return { connection: response.headers.get('connection'), reply: (await response.json())[0] };
}

const advised = { reconnect: 'retry', interval: 0, timeout: 300_000 };

testNodes('the clients of a node that leaves are advised to come back at once, to another one', async (workbench) => {
  const { nodes: [leaving, staying] } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  const ids = await Promise.all(Array.from({ length: COUNT }, () => handshake(leaving.url)));
  await Promise.all(ids.map((id) => poll(leaving.url, id, AT_ONCE)));
  const held = ids.map((id) => connect(leaving.url, id));
  const socket = await RawSocket.open(leaving.url);
  workbench.atEnd(() => socket.close());
  const onSocket = await handshake(leaving.url);
  await poll(leaving.url, onSocket, AT_ONCE);
  const answered = socket.ask({ channel: '/meta/connect', clientId: onSocket, connectionType: 'websocket', id: 'w' });
  await metricIs([leaving], METRICS.polls, (count) => count === COUNT + 1);
  const stopped = leaving.stop();
  // What fails before is to be shown.
  stopped.catch(() => {});
  for (const { reply, connection } of await Promise.all(held)) {
    assert.equal(reply.successful, true, JSON.stringify(reply));
    assert.deepEqual(reply.advice, advised);
    assert.equal(connection, 'close', 'on the same connection the client would come to the leaving node again');
  }
  assert.deepEqual((await answered)?.advice, advised);
  for (const id of ids) {
    const [subscribed] = await subscribe(staying.url, id, '/n/stays');
    assert.equal(subscribed.successful, true, JSON.stringify(subscribed));
  }
  await stopped;
});

testNodes('a client of a session that cannot be reached is advised to try at once, each time', async (workbench) => {
  const { redis, nodes: [owner, other] } = await startNodes(workbench, { startBalancer: null, size: 2, environment });
  const clientId = await handshake(owner.url);
  await redis.crash();
  await notReady(other);
  for (let turn = 0; turn < 4; turn += 1) {
    const [reply] = await poll(other.url, clientId);
    assert.equal(reply.error, '503::Session out of reach, try again');
    assert.deepEqual(reply.advice, advised);
  }
});
