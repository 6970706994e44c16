// Bayeux without any client library: single requests, a WebSocket, a stream. Every request has a connection of its own,
// unless a test gives it an agent.

import { request } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

import { EventLog } from '../event-log.mjs';

/** CometD's client for Node brings it. */
const cometd = createRequire(import.meta.url).resolve('cometd-nodejs-client');
const { default: WebSocket } = await import(pathToFileURL(createRequire(cometd).resolve('ws')));

const READ_STREAM = { Accept: 'text/event-stream' };

/** The answer was not that of a node, or was none. */
export class NoReply extends Error {
  constructor(status, text) {
    super(`answered ${status}: ${text}`);
    this.status = status;
  }
}

/** Sends the messages in one request and gives the replies, or whatever else came with them. */
export function post(url, messages, agent = false) {
  const body = JSON.stringify(messages);
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', agent, headers });
    outgoing.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new NoReply(response.statusCode, text));
      });
    });
    outgoing.end(body);
  });
}

export async function handshake(url) {
  const supportedConnectionTypes = ['long-polling', 'websocket', 'eventsource', 'callback-polling'];
  const [reply] = await post(url, [{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes, id: 'h' }]);
  if (!reply.successful) throw new Error(`a handshake was answered ${JSON.stringify(reply)}`);
  return reply.clientId;
}

export const subscribe = (url, clientId, subscription) =>
  post(url, [{ channel: '/meta/subscribe', clientId, subscription, id: 's' }]);

/** A connect by long-polling; `advice` as { timeout: 0 } asks for an answer at once. */
export const poll = (url, clientId, advice) =>
  post(url, [{ channel: '/meta/connect', clientId, connectionType: 'long-polling', id: 'c', ...(advice && { advice }) }]);

/** A WebSocket; what arrives on it is in `log`, message by message, and at its end { closed: true }. */
export class RawSocket {
  #socket;

  log = new EventLog();

  static async open(url) {
    const raw = new RawSocket();
    raw.#socket = new WebSocket(url.replace(/^http/, 'ws'));
    raw.#socket.on('message', (frame) => {
      for (const message of JSON.parse(frame.toString())) raw.log.add(message);
    });
    raw.#socket.on('close', () => raw.log.add({ closed: true }));
    await new Promise((resolve, reject) => {
      raw.#socket.on('open', resolve);
      raw.#socket.on('error', reject);
    });
    return raw;
  }

  send(...messages) {
    this.#socket.send(JSON.stringify(messages));
  }

  /** Sends a message and gives its reply, or null if the connection ended before it came. */
  async ask(message) {
    if (!this.isOpen) return null;
    const mark = this.log.mark();
    this.send(message);
    const entry = await this.log.waitFor((each) => each.closed || each.id === message.id, mark);
    return entry.closed ? null : entry;
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  close() {
    this.#socket.terminate();
  }
}

/** A stream of server-sent events: calls `take(message)` for each, and `ended()` when it is over for whatever reason. */
export function openStream(url, clientId, take, ended) {
  const outgoing = request(`${url}/${clientId}`, { headers: READ_STREAM, agent: false });
  outgoing.on('error', () => {}).on('close', ended).on('response', (response) => {
    let text = '';
    response.setEncoding('utf8').on('error', () => {}).on('data', (chunk) => {
      text += chunk;
      const events = text.split(/\r?\n\r?\n/);
      text = events.pop();
      for (const line of events.flatMap((event) => event.split(/\r?\n/))) {
        if (line.startsWith('data:')) for (const message of JSON.parse(line.slice('data:'.length))) take(message);
      }
    });
  });
  outgoing.end();
  return { close: () => outgoing.destroy() };
}
