// Puts the page and the server under test on one origin, and stands in their way
// as a proxy or a broken network does, when a test wants that.

import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

import { listen, PAGE_PATH, startPageServer } from './page-files.mjs';

/** RFC 6455, section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const REFUSALS = {
  'refused with 403': 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
  'refused with 400': 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
};

/** Agrees to the upgrade, and then answers no frame. */
function swallow(connection, request) {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)[1];
  const accept = createHash('sha1').update(key + WEBSOCKET_GUID).digest('base64');
  connection.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
  connection.resume();
}

class Front {
  #target;
  #pageServer;
  #listener;
  /** Connection to whether it carries a WebSocket. */
  #connections = new Map();

  /** What happens to WebSockets that are opened: 'passed', 'swallowed', or one of the refusals. */
  webSockets = 'passed';
  /** How many were asked for. */
  webSocketsSeen = 0;
  /** Whether anybody but the page's files is reached. */
  isUp = true;
  origin = null;

  constructor(target, pageServer) {
    this.#target = target;
    this.#pageServer = pageServer;
  }

  async start() {
    this.#listener = createServer((connection) => {
      this.#connections.set(connection, false);
      connection.on('close', () => this.#connections.delete(connection));
      connection.on('error', () => connection.destroy());
      connection.once('data', (firstBytes) => this.#route(connection, firstBytes));
    });
    this.origin = await listen(this.#listener);
  }

  #route(connection, firstBytes) {
    const request = firstBytes.toString('latin1');
    if (request.startsWith(`GET ${PAGE_PATH}`)) return this.#pass(connection, firstBytes, this.#pageServer.origin);
    if (!this.isUp) return connection.destroy();
    if (/^upgrade: *websocket/im.test(request)) {
      this.webSocketsSeen += 1;
      this.#connections.set(connection, true);
      if (this.webSockets === 'swallowed') return swallow(connection, request);
      const refusal = REFUSALS[this.webSockets];
      if (refusal) return connection.end(refusal);
    }
    this.#pass(connection, firstBytes, this.#target);
  }

  /**
   * Byte by byte. Intercepting requests in the browser instead would leave the
   * page without an address, and Chromium then refuses it the loopback network.
   */
  #pass(connection, firstBytes, target) {
    const { hostname, port } = new URL(target);
    const upstream = connect(Number(port), hostname);
    upstream.write(firstBytes);
    connection.pipe(upstream).pipe(connection);
    for (const [side, otherSide] of [[connection, upstream], [upstream, connection]]) {
      side.on('error', () => otherSide.destroy());
      side.on('close', () => otherSide.destroySoon());
    }
  }

  /** Ends every WebSocket, or all there is, without a word. */
  cut({ onlyWebSockets = false } = {}) {
    for (const [connection, isWebSocket] of this.#connections) if (isWebSocket || !onlyWebSockets) connection.destroy();
  }

  close() {
    this.cut();
    this.#listener.close();
    this.#pageServer.close();
  }
}

/** @param pageOptions  those of `startPageServer` */
export async function startFront(target, bundle, pageOptions) {
  const front = new Front(target, await startPageServer(bundle, pageOptions));
  await front.start();
  return front;
}
