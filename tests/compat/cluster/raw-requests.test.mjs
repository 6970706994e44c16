// Any node answers any request of any session: each request here goes to a node of its own choice.

import assert from 'node:assert/strict';

import { METRICS, metricIs } from '../lib/cluster/metrics.mjs';
import { startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, openStream, poll, post, RawSocket, subscribe } from '../lib/cluster/raw.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const AT_ONCE = { timeout: 0 };
const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const dataOf = (messages) => messages.filter(({ data }) => data !== undefined).map(({ data }) => data);

async function publish(url, channel, ...values) {
  for (const data of values) {
    const [reply] = await post(url, [{ channel, data }]);
    assert.equal(reply.successful, true, JSON.stringify(reply));
  }
}

/** Polls, each time at the next node, until so many values came. */
async function pollAround(urls, clientId, count) {
  const values = [];
  for (let turn = 0; values.length < count; turn += 1) {
    const replies = await poll(urls[turn % urls.length], clientId);
    const reply = replies.find(({ channel }) => channel === '/meta/connect');
    assert.equal(reply.successful, true, JSON.stringify(reply));
    values.push(...dataOf(replies));
  }
  return values;
}

async function startThree(workbench, environment) {
  const { nodes } = await startNodes(workbench, { startBalancer: null, ...environment });
  return { nodes, urls: nodes.map(({ url }) => url) };
}

testNodes('a session is begun, subscribed, polled, carried by a WebSocket and ended at different nodes', async (workbench) => {
  const { urls: [a, b, c] } = await startThree(workbench);
  const clientId = await handshake(a);
  const [subscribed] = await subscribe(b, clientId, '/chat/*');
  assert.equal(subscribed.successful, true, JSON.stringify(subscribed));

  const polled = pollAround([c], clientId, 1);
  await publish(a, '/chat/room', 'polled');
  assert.deepEqual(await polled, ['polled']);

  const socket = await RawSocket.open(b);
  workbench.atEnd(() => socket.close());
  socket.send({ channel: '/meta/connect', clientId, connectionType: 'websocket', id: 'w' });
  await publish(c, '/chat/room', 'pushed');
  await socket.log.waitFor(({ data }) => data === 'pushed');

  const [unsubscribed] = await post(c, [{ channel: '/meta/unsubscribe', clientId, subscription: '/chat/*', id: 'u' }]);
  assert.equal(unsubscribed.successful, true, JSON.stringify(unsubscribed));
  const [left] = await post(a, [{ channel: '/meta/disconnect', clientId, id: 'd' }]);
  assert.equal(left.successful, true, JSON.stringify(left));
  for (const url of [a, b, c]) {
    const [late] = await poll(url, clientId);
    assert.equal(late.successful, false);
    assert.equal(late.error, `401:${clientId}:Unknown client`);
    assert.equal(late.advice.reconnect, 'handshake');
  }
});

testNodes('a session is known everywhere before its handshake is answered', async (workbench) => {
  const { urls } = await startThree(workbench);
  for (const turn of numbers(1, 30)) {
    const [here, there] = [urls[turn % 3], urls[(turn + 1) % 3]];
    const clientId = await handshake(here);
    const [subscribed] = await subscribe(there, clientId, '/known');
    assert.equal(subscribed.successful, true, `at handshake ${turn}: ${JSON.stringify(subscribed)}`);
  }
});

testNodes('a subscription that was answered holds for what is published anywhere afterwards', async (workbench) => {
  const { urls } = await startThree(workbench);
  for (const turn of numbers(1, 15)) {
    const clientId = await handshake(urls[turn % 3]);
    await subscribe(urls[(turn + 1) % 3], clientId, `/held/${turn}`);
    await publish(urls[(turn + 2) % 3], `/held/${turn}`, turn);
    assert.deepEqual(await pollAround(urls, clientId, 1), [turn]);
  }
});

testNodes('what waits for a session arrives once and in order, whichever node is asked', async (workbench) => {
  const { urls } = await startThree(workbench);
  const clientId = await handshake(urls[0]);
  await subscribe(urls[0], clientId, '/queue');
  for (const number of numbers(1, 30)) await publish(urls[number % 3], '/queue', number);
  const values = await pollAround(urls, clientId, 30);
  await publish(urls[1], '/queue', 'the last');
  values.push(...await pollAround(urls.toReversed(), clientId, 1));
  assert.deepEqual(values, [...numbers(1, 30), 'the last']);
});

testNodes('a poll goes round the nodes while messages are published', async (workbench) => {
  const { urls } = await startThree(workbench);
  const clientId = await handshake(urls[0]);
  await subscribe(urls[1], clientId, '/round');
  const polled = pollAround(urls, clientId, 100);
  for (const number of numbers(1, 100)) await publish(urls[number % 3], '/round', number);
  assert.deepEqual(await polled, numbers(1, 100));
});

testNodes('who is polled at one node and comes to another by WebSocket gets everything there, once', async (workbench) => {
  const { nodes, urls: [a, b, c] } = await startThree(workbench);
  const clientId = await handshake(a);
  await subscribe(a, clientId, '/taken');
  // The first connect is answered at once.
  await poll(a, clientId, AT_ONCE);
  const held = poll(a, clientId);
  await metricIs([nodes[0]], METRICS.polls, (count) => count === 1);
  const socket = await RawSocket.open(b);
  workbench.atEnd(() => socket.close());
  socket.send({ channel: '/meta/connect', clientId, connectionType: 'websocket', id: 'w' });
  // The poll ends as soon as the other transport is attached, or with the first message.
  await publish(c, '/taken', ...numbers(1, 20));
  const byPoll = dataOf(await held);
  await socket.log.waitFor(({ data }) => data === 20);
  assert.deepEqual([...byPoll, ...dataOf(socket.log.entries)], numbers(1, 20));
});

testNodes('a stream at another node than that of the handshake', async (workbench) => {
  const { urls: [a, b, c] } = await startThree(workbench);
  const clientId = await handshake(a);
  await subscribe(b, clientId, '/stream/**');
  const values = [];
  const stream = openStream(c, clientId, ({ data }) => values.push(data), () => {});
  workbench.atEnd(() => stream.close());
  for (const number of numbers(1, 20)) await publish([a, b, c][number % 3], '/stream/deep/er', number);
  await until('the stream has brought the last message', () => values.includes(20));
  assert.deepEqual(values, numbers(1, 20));
});

testNodes('who left without a word is forgotten by every node', async (workbench) => {
  const { nodes, urls } = await startThree(workbench, { environment: { FAYE_SERVER__TIMEOUT: '3s' } });
  const clientId = await handshake(urls[0]);
  await subscribe(urls[1], clientId, '/left');
  await poll(urls[2], clientId, AT_ONCE);
  await metricIs(nodes, METRICS.sessions, (count) => count === 0);
  for (const url of urls) {
    const [late] = await poll(url, clientId, AT_ONCE);
    assert.equal(late.successful, false, JSON.stringify(late));
  }
});
