// Measures a replay: CLIENTS clients return at once, each with the position of the first of MESSAGES messages of one channel.
// Prints the time until all have everything, the memory of the server, and the commands that Redis has executed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

import { startServer, OUR_SERVER } from '../tests/compat/lib/server.mjs';

const CLIENTS = Number(process.env.CLIENTS ?? 1000);
const MESSAGES = Number(process.env.MESSAGES ?? 10000);
const SETTINGS = `[[channel]]\nmatch = "/h/**"\nhistory = { messages = ${MESSAGES + 10}, age = "1h" }\n`;
const WEB_SOCKET = (path, host) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
  + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** A frame of a client, masked with zeros. */
function frame(message) {
  const payload = Buffer.from(JSON.stringify([message]));
  const head = payload.length < 126
    ? Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0])
    : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}

const post = async (url, messages) => {
  const response = await fetch(url, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(messages),
  });
  return response.json();
};

/** A client over a raw WebSocket, which only looks for texts in what arrives. */
class Client {
  #tail = '';
  #waiting = null;

  async open(url) {
    const { hostname, port, pathname, host } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (bytes) => this.#search(bytes));
    this.socket.write(WEB_SOCKET(pathname, host));
    await this.find('\r\n\r\n');
    const [{ clientId }] = await post(url, [
      { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] },
    ]);
    this.id = clientId;
    const attached = this.find('"/meta/connect"');
    this.socket.write(frame({ channel: '/meta/connect', clientId, connectionType: 'websocket' }));
    await attached;
  }

  #search(bytes) {
    this.#tail = (this.#tail + bytes.latin1Slice()).slice(-(bytes.length + 100));
    if (this.#waiting && this.#tail.includes(this.#waiting.text)) {
      const { resolve } = this.#waiting;
      this.#waiting = null;
      resolve();
    }
    this.#tail = this.#tail.slice(-100);
  }

  find(text) {
    return new Promise((resolve) => { this.#waiting = { text, resolve }; });
  }
}

async function startRedis() {
  const child = spawn('redis-server', ['--port', '0', '--unixsocket', `/tmp/replay-${process.pid}.sock`, '--save', ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => {
    child.stdout.on('data', (text) => { if (/ready to accept/i.test(String(text))) resolve(); });
  });
  return { child, path: `/tmp/replay-${process.pid}.sock` };
}

/** The number of commands that Redis has executed for clients; a script counts as one. */
async function commands(path) {
  const socket = connect(path);
  socket.write('INFO commandstats\r\n');
  const [text] = await once(socket, 'data');
  socket.destroy();
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(String(text));
  return calls ? Number(calls[1]) : 0;
}

const resident = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]) / 1024;
const peak = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]) / 1024;

async function measure(redis) {
  const environment = { FAYE_LIMITS__BATCH: '10000', FAYE_LIMITS__CONNECTIONS: '20000', FAYE_LIMITS__UNCONNECTED_BY_ADDRESS: '20000' };
  if (redis) environment.FAYE_REDIS__URL = `redis+unix://${redis.path}`;
  const server = await startServer(environment, OUR_SERVER, SETTINGS);
  await new Promise((resolve) => { setTimeout(resolve, 500); });
  for (let first = 0; first < MESSAGES; first += 500) {
    const some = Array.from({ length: Math.min(500, MESSAGES - first) }, (_, at) => ({ channel: '/h/a', data: first + at }));
    const replies = await post(server.url, some);
    if (!replies.every(({ successful }) => successful)) throw new Error(JSON.stringify(replies[0]));
  }
  const clients = Array.from({ length: CLIENTS }, () => new Client());
  for (const client of clients) await client.open(server.url);
  const [before, scripts] = [resident(server.pid), redis ? await commands(redis.path) : 0];
  const since = performance.now();
  await Promise.all(clients.map((client) => {
    const last = client.find(`"data":${MESSAGES - 1},`);
    client.socket.write(frame({ channel: '/meta/subscribe', clientId: client.id, subscription: '/h/a', ext: { replay: -2 } }));
    return last;
  }));
  const seconds = (performance.now() - since) / 1000;
  const calls = redis ? await commands(redis.path) - scripts : 0;
  console.log(`${redis ? 'Redis ' : 'memory'}: ${CLIENTS} clients, ${MESSAGES} messages each: ${seconds.toFixed(1)} s, `
    + `${(CLIENTS * MESSAGES / seconds / 1000).toFixed(0)} thousand messages/s; memory ${before.toFixed(0)} MiB before, `
    + `${peak(server.pid).toFixed(0)} MiB at most${redis ? `; ${calls} scripts of Redis` : ''}`);
  for (const client of clients) client.socket.destroy();
  await server.stop();
}

await measure(null);
const redis = await startRedis();
await measure(redis);
redis.child.kill();
