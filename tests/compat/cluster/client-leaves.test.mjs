// A client that goes away while a node holds its poll, stream or WebSocket: the balancer tells the node, so that the next
// message waits for the session and is not written to a connection that has no reader.

import assert from 'node:assert/strict';
import { connect } from 'node:net';

import { startCaddy, startHaproxy, startNginx } from '../lib/cluster/balancers.mjs';
import { METRICS, metricIs, sumOf } from '../lib/cluster/metrics.mjs';
import { CALM, startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { handshake, poll, post, subscribe } from '../lib/cluster/raw.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const ROUNDS = 3;

/** Longer than a test may take: a node lets go of a poll or stream only when its connection ends. */
const HELD = { ...CALM, FAYE_SERVER__TIMEOUT: '5m' };

/** How a connection ends without a word of HTTP. */
const DEPARTURES = {
  FIN: (socket) => socket.destroy(),
  RST: (socket) => socket.resetAndDestroy(),
};

/** Opens a connection and sends the text; `received(text)` waits until the answer contains that text. */
function send(url, text) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      let answer = '';
      socket.off('error', reject).on('error', () => {});
      socket.setEncoding('latin1').on('data', (chunk) => { answer += chunk; });
      socket.received = (wanted) => until(`the answer contains ${wanted}`, () => answer.includes(wanted));
      socket.write(text, () => resolve(socket));
    });
    socket.on('error', reject);
  });
}

const connecting = (clientId, connectionType) => ({ channel: '/meta/connect', clientId, connectionType });

/** A text frame of less than 64 KiB, masked with zeros. */
function frame(messages) {
  const payload = Buffer.from(JSON.stringify(messages));
  const head = Buffer.from([0x81, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

/** What a node holds for a session, and the metric that counts it. */
const HOLDS = {
  'long-poll': {
    metric: METRICS.polls,
    open: (url, clientId) => {
      const { host, pathname } = new URL(url);
      const body = JSON.stringify([connecting(clientId, 'long-polling')]);
      return send(url, `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
        + `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    },
  },
  'JSON-P poll': {
    metric: METRICS.polls,
    open: (url, clientId) => {
      const { host, pathname } = new URL(url);
      const message = encodeURIComponent(JSON.stringify([connecting(clientId, 'callback-polling')]));
      return send(url, `GET ${pathname}?jsonp=f&message=${message} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    },
  },
  stream: {
    metric: METRICS.streams,
    open: (url, clientId) => {
      const { host, pathname } = new URL(url);
      return send(url, `GET ${pathname}/${clientId} HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
    },
  },
  WebSocket: {
    metric: METRICS.webSockets,
    open: async (url, clientId) => {
      const { host, pathname } = new URL(url);
      const socket = await send(url, `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
        + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
      await socket.received('101 ');
      // The connect is held, and the reply to the second message shows that both were processed.
      socket.write(frame([connecting(clientId, 'websocket'), { channel: '/meta/subscribe', clientId, subscription: '/m' }]));
      await socket.received('/meta/subscribe');
      return socket;
    },
  },
};

const BALANCERS = { HAProxy: startHaproxy, nginx: startNginx, Caddy: startCaddy };

for (const [name, startBalancer] of Object.entries(BALANCERS)) {
  for (const [hold, { metric, open }] of Object.entries(HOLDS)) {
    testNodes(`behind ${name}, a client that leaves its ${hold} gets the next message afterwards`, async (workbench) => {
      const { nodes, url } = await startNodes(workbench, { size: 2, environment: HELD, startBalancer });
      for (const [how, leave] of Object.entries(DEPARTURES)) {
        for (let round = 0; round < ROUNDS; round += 1) {
          const clientId = await handshake(url);
          await subscribe(url, clientId, '/n/*');
          // The first connect of a session is answered at once.
          await poll(url, clientId);
          const socket = await open(url, clientId);
          workbench.atEnd(() => socket.destroy());
          await metricIs(nodes, metric, (count) => count === 1);
          leave(socket);
          await until(`a node has seen the ${how} of its client`, async () => await sumOf(nodes, metric) === 0);

          const [published] = await post(url, [{ channel: '/n/a', data: round }]);
          assert.equal(published.successful, true, JSON.stringify(published));
          const messages = await poll(url, clientId);
          assert.deepEqual(messages.filter(({ channel }) => channel === '/n/a').map(({ data }) => data), [round]);
          await post(url, [{ channel: '/meta/disconnect', clientId }]);
        }
      }
    });
  }
}
