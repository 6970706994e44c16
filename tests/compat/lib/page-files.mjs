// The web page that holds the official browser bundle and the driver, served at
// an origin of its own or at one origin with the server under test.

import { createServer as createHttpServer } from 'node:http';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';

import { createDriver } from './client-driver.mjs';

const require = createRequire(import.meta.url);
const bundlePath = join(dirname(require.resolve('faye/package.json')), 'client', 'faye-browser.js');

/**
 * Starts the page's driver. Log entries leave the page in batches, one batch at
 * a time, so that they keep their order.
 */
function startDriver(settings) {
  let unsent = [];
  let sending = false;
  async function sendBatches() {
    if (sending) return;
    sending = true;
    while (unsent.length > 0) {
      const batch = unsent;
      unsent = [];
      await window.reportToTest(batch);
    }
    sending = false;
  }
  window.perform = window.createDriver(window.Faye, settings, (entry) => {
    unsent.push(entry);
    sendBatches();
  });
}

export const PAGE_PATH = '/page/';

const PAGE_FILES = new Map([
  [PAGE_PATH, {
    contentType: 'text/html; charset=utf-8',
    body: `<!DOCTYPE html><html><head><title>client</title><link rel="icon" href="data:,">
      <script src="faye-browser.js"></script><script src="driver.js"></script></head><body></body></html>`,
  }],
  [`${PAGE_PATH}faye-browser.js`, {
    contentType: 'text/javascript; charset=utf-8',
    body: readFileSync(bundlePath, 'utf8'),
  }],
  [`${PAGE_PATH}driver.js`, {
    contentType: 'text/javascript; charset=utf-8',
    body: `window.createDriver = ${createDriver};\nwindow.startDriver = ${startDriver};`,
  }],
]);

/** The page's answer to an HTTP request for one of its files. */
function answerWithFile(request, response) {
  const file = PAGE_FILES.get(request.url);
  response.writeHead(file ? 200 : 404, {
    'Content-Type': file?.contentType ?? 'text/plain',
    // A kept connection could carry a later request that is for the server.
    'Connection': 'close',
  });
  response.end(file?.body ?? 'Not found');
}

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** Serves the page's files at an origin of their own. */
export async function startPageServer() {
  const server = createHttpServer(answerWithFile);
  const origin = await listen(server);
  return {
    origin,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Puts the page and the server under test on one origin: passes every
 * connection through byte by byte, to the page server if its first request is
 * for the page. Intercepting requests in the browser instead would leave the
 * page without an address, and Chromium then refuses it the loopback network.
 */
export async function startFront(target) {
  const pageServer = await startPageServer();
  const connections = new Set();

  function passThrough(connection, firstBytes) {
    const isForPage = firstBytes.toString('latin1').startsWith(`GET ${PAGE_PATH}`);
    const { hostname, port } = new URL(isForPage ? pageServer.origin : target);
    const upstream = connect(Number(port), hostname);
    upstream.write(firstBytes);
    connection.pipe(upstream).pipe(connection);
    for (const [side, otherSide] of [[connection, upstream], [upstream, connection]]) {
      side.on('error', () => otherSide.destroy());
      side.on('close', () => otherSide.destroySoon());
    }
  }

  const front = createServer((connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    connection.on('error', () => connection.destroy());
    connection.once('data', (firstBytes) => passThrough(connection, firstBytes));
  });
  const origin = await listen(front);
  return {
    origin,
    close: () => {
      for (const connection of connections) connection.destroy();
      front.close();
      pageServer.close();
    },
  };
}
