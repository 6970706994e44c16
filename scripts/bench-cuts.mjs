#!/usr/bin/env node
// Counts the messages that are lost when the connections of clients are cut, with npm Faye and with this server.
//
// Clients (npm Faye's, half on WebSocket, half on long-polling) connect through a TCP proxy. Numbered messages are published
// directly, also while the lines are down. The proxy closes all connections at fixed times and refuses new ones for a moment.
// In the end each client must have every number once. Nothing is published right before and after a cut: clients acknowledge
// nothing, so a message that is on its way when the line is cut is lost with both servers (QUIET=0 counts these too).
//
//   CLIENTS=20  CUTS=20  RATE=20     clients, cuts, and messages a second
//   DOWN=1000   UP=2000              milliseconds for which connections are refused, and accepted
//   QUIET=300                        milliseconds without a publication on both sides of a cut
//   SERVERS=npm,faye
//   FAYE=path                        the binary [target/release/faye]

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { startLines } from './lib/lines.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const Faye = createRequire(path.join(root, 'tests/compat/'))('faye');
const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const clientCount = number('CLIENTS', 20);
const cutCount = number('CUTS', 20);
const rate = number('RATE', 20);
const down = number('DOWN', 1000);
const up = number('UP', 2000);
const quiet = number('QUIET', 300);

const servers = {
  npm: [process.execPath, path.join(root, 'tests/compat/lib/reference-server.mjs')],
  faye: [path.resolve(root, process.env.FAYE ?? 'target/release/faye')],
};
const titles = { npm: 'npm faye', faye: 'this server' };

/** Starts a server and returns it with its URL. */
function start(name) {
  const [program, ...rest] = servers[name];
  const child = spawn(program, [...rest, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  return new Promise((resolve, reject) => {
    // What it prints later is read too, or it would end when the pipe is closed.
    child.stdout.on('data', (chunk) => {
      output += chunk;
      const found = /(http:\/\/[\d.]+:\d+\/faye)/.exec(output);
      if (found) resolve({ child, url: new URL(found[1]) });
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${titles[name]} did not start: ${output}`)));
  });
}

/** A client that keeps the numbers it has received, with how often. */
async function subscriber(url, transport) {
  const client = new Faye.Client(url, { retry: 1 });
  if (transport === 'long-polling') client.disable('websocket');
  const received = new Map();
  await client.subscribe('/numbers', (n) => received.set(n, (received.get(n) ?? 0) + 1));
  return { client, transport, received };
}

async function publish(url, data) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: '/numbers', data }),
  });
  const [reply] = await response.json();
  if (!reply.successful) throw new Error(reply.error);
}

async function measure(name) {
  const { child, url } = await start(name);
  const line = await startLines(url);
  const transports = Array.from({ length: clientCount }, (_, at) => (at % 2 ? 'long-polling' : 'websocket'));
  const clients = await Promise.all(transports.map((transport) => subscriber(line.urls[0], transport)));
  let sent = 0;
  let isOver = false;
  let isQuiet = false;
  const publisher = (async () => {
    // At random moments, or the publications would keep step with the cuts.
    for (; !isOver; await sleep((2000 / rate) * Math.random())) if (!isQuiet) await publish(url, (sent += 1));
  })();
  for (let cut = 0; cut < cutCount; cut += 1) {
    await sleep(up);
    isQuiet = quiet > 0;
    await sleep(quiet);
    line.cut();
    await sleep(quiet);
    isQuiet = false;
    await sleep(down);
    line.restore();
  }
  isOver = true;
  await publisher;
  // The clients reconnect by themselves. A client is back when it has a message that was published now.
  const deadline = Date.now() + 60_000;
  let after = sent;
  const isBack = ({ received }) => [...received.keys()].some((n) => n > sent);
  while (!clients.every(isBack) && Date.now() < deadline) {
    await publish(url, (after += 1));
    await sleep(500);
  }
  await sleep(2000);
  const row = (transport) => {
    const some = clients.filter((client) => client.transport === transport);
    const numbers = Array.from({ length: sent }, (_, at) => at + 1);
    const count = (is) => some.reduce((sum, { received }) => sum + numbers.filter((n) => is(received.get(n) ?? 0)).length, 0);
    return { transport, sent: some.length * sent, lost: count((times) => times === 0), twice: count((times) => times > 1) };
  };
  const rows = ['websocket', 'long-polling'].map(row);
  child.kill('SIGKILL');
  await line.stop();
  return rows;
}

async function main() {
  const names = (process.env.SERVERS ?? 'npm,faye').split(',');
  console.log(`${clientCount} clients, ${rate} messages a second, ${cutCount} cuts of ${down + quiet} ms`);
  for (const name of names) {
    for (const { transport, sent, lost, twice } of await measure(name)) {
      console.log(`${titles[name].padEnd(12)} ${transport.padEnd(13)} to deliver ${sent}, lost ${lost}, twice ${twice}`);
    }
  }
  process.exit();
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
