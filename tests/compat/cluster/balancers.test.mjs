// The files of deploy/: HAProxy spreads requests and avoids nodes that are not ready; nginx and Caddy pass every transport
// without delay, and nginx skips a dead node.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';

import { startCaddy, startNginx } from '../lib/cluster/balancers.mjs';
import { ask, METRICS, metric, metricIs } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, openStream, post, RawSocket, subscribe } from '../lib/cluster/raw.mjs';
import { until } from '../lib/cluster/waiting.mjs';

testNodes('HAProxy gives every request of one connection to the next node', async (workbench) => {
  const { url, balancer } = await startNodes(workbench);
  // What a node says of itself is not for clients.
  for (const path of ['/metrics', '/readyz', '/healthz']) {
    assert.equal((await ask(new URL(url).origin, path)).status, 404, path);
  }
  const requests = async () => (await balancer.nodes()).map(({ stot }) => Number(stot));
  const before = await requests();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  workbench.atEnd(() => agent.destroy());
  for (let count = 0; count < 9; count += 1) await post(url, [{ channel: '/n/a', data: count }], agent);
  await until('each node has got three of nine requests', async () =>
    (await requests()).every((count, place) => count - before[place] === 3));
});

testNodes('HAProxy lets an open WebSocket be when its node leaves, and asks it nothing new', async (workbench) => {
  const environment = { ...CALM, FAYE_REDIS__DRAIN_DELAY: '5s' };
  const { nodes, url, balancer } = await startNodes(workbench, { size: 2, environment });
  const socket = await RawSocket.open(url);
  workbench.atEnd(() => socket.close());
  const place = await metric(nodes[0], METRICS.webSockets) === 1 ? 0 : 1;
  const [leaving, staying] = [nodes[place], nodes[1 - place]];
  const stopped = leaving.stop();
  await balancer.seesReady(1 - place);
  const reply = await socket.ask({ channel: '/n/a', data: 1, id: 'p' });
  assert.equal(reply?.successful, true, JSON.stringify(reply));
  const before = await metric(staying, METRICS.published);
  for (const data of [2, 3, 4, 5]) await post(url, [{ channel: '/n/a', data }]);
  assert.equal(await metric(staying, METRICS.published) - before, 4);
  await stopped;
});

const PROXIES = {
  nginx: { startBalancer: startNginx },
  // Caddy 2.6, which Debian has, cannot send a POST to another node when the first one refuses the connection.
  Caddy: { size: 2, startBalancer: startCaddy, withoutCrash: true },
};

for (const [name, { withoutCrash = false, ...options }] of Object.entries(PROXIES)) {
  testNodes(`${name} lets WebSockets, streams and polls through, and messages at once`, async (workbench) => {
    const { nodes, url } = await startNodes(workbench, options);
    // What a node says of itself is not for clients.
    for (const path of ['/metrics', '/readyz', '/healthz']) {
      assert.equal((await ask(new URL(url).origin, path)).status, 404, path);
    }
    const clients = [];
    for (const transport of ['websocket', 'long-polling']) {
      const client = await workbench.openClient({ url }, { version: 'faye', transport });
      await client.connectSubscribed('/n/*');
      clients.push(client);
    }
    const clientId = await handshake(url);
    await subscribe(url, clientId, '/n/*');
    const streamed = [];
    const stream = openStream(url, clientId, ({ data }) => streamed.push(data), () => {});
    workbench.atEnd(() => stream.close());
    await metricIs(nodes, METRICS.webSockets, (count) => count === 1);
    await metricIs(nodes, METRICS.streams, (count) => count === 1);
    await metricIs(nodes, METRICS.polls, (count) => count >= 1);

    const wanted = Array.from({ length: 30 }, (_, index) => index);
    for (const number of wanted) {
      const [reply] = await post(url, [{ channel: '/n/a', data: number }]);
      assert.equal(reply.successful, true, JSON.stringify(reply));
      // The next message must not be what pushes this one out of a buffer.
      await until(`message ${number} came out of the stream`, () => streamed.includes(number));
    }
    for (const client of clients) {
      await client.delivery('/n/*', wanted.at(-1));
      assert.deepEqual(client.delivered('/n/*'), wanted);
      await client.disconnect();
    }
    assert.deepEqual(streamed, wanted);

    if (withoutCrash) return;
    await nodes[1].crash();
    for (let count = 0; count < 9; count += 1) {
      const [reply] = await post(url, [{ channel: '/n/a', data: 'on' }]);
      assert.equal(reply.successful, true, JSON.stringify(reply));
    }
  });
}
