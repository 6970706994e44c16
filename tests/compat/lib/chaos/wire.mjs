// Bayeux over raw sockets, without any HTTP or WebSocket library: the tests decide when a connection is cut, half-closed or
// not read.

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const HEAD_END = '\r\n\r\n';
const CONNECTION_BOUND_MILLISECONDS = 2_000;

/** A TCP connection. `over` settles with how it ended: 'end' after a FIN of the server, 'reset' after an error, or as it was cut here. */
export class Wire {
  #socket;
  #settle;
  /** What takes the bytes that arrive; null while there is no reader, and they are kept. */
  #take = null;
  #kept = [];

  over = new Promise((resolve) => { this.#settle = resolve; });
  isOver = false;

  static open(port) {
    const wire = new Wire();
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    wire.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => (wire.#take ? wire.#take(bytes) : wire.#kept.push(bytes)));
    return new Promise((resolve, reject) => {
      const bound = setTimeout(() => socket.destroy(new Error('not connected in time')), CONNECTION_BOUND_MILLISECONDS);
      socket.on('connect', () => {
        clearTimeout(bound);
        resolve(wire);
      });
      socket.on('error', (error) => {
        clearTimeout(bound);
        wire.#end('reset');
        reject(error);
      });
      socket.on('end', () => {
        wire.#end('end');
        socket.destroy();
      });
      socket.on('close', () => {
        clearTimeout(bound);
        wire.#end('reset');
      });
    });
  }

  #end(how) {
    if (this.isOver) return;
    this.isOver = true;
    this.#settle(how);
  }

  read(take) {
    this.#take = take;
    for (const bytes of this.#kept.splice(0)) take(bytes);
  }

  write(bytes) {
    if (!this.#socket.writableEnded) this.#socket.write(bytes);
  }

  /** Sends a FIN and goes on reading. */
  halfClose() {
    this.#socket.end();
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Closes it at once: with a FIN, if everything was read. What arrives afterwards is refused. */
  cut() {
    this.#end('cut');
    this.#socket.destroy();
  }

  reset() {
    this.#end('cut');
    this.#socket.resetAndDestroy();
  }
}

/** A connection over which one HTTP request follows the other. */
export class HttpWire {
  #bytes = Buffer.alloc(0);
  #waiting = null;

  constructor(wire) {
    this.wire = wire;
    wire.read((bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#check();
    });
    wire.over.then(() => {
      this.#waiting?.resolve(null);
      this.#waiting = null;
    });
  }

  static async open(port) {
    return new HttpWire(await Wire.open(port));
  }

  #check() {
    if (!this.#waiting) return;
    const headEnd = this.#bytes.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#bytes.toString('latin1', 0, headEnd);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const end = headEnd + HEAD_END.length + length;
    if (this.#bytes.length < end) return;
    const body = this.#bytes.toString('utf8', headEnd + HEAD_END.length, end);
    this.#bytes = this.#bytes.subarray(end);
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve({ status: Number(head.slice(9, 12)), closes: /^connection: *close/im.test(head), body });
  }

  /** Sends a request and gives its whole response, or null if the connection ended before. */
  ask(text) {
    return new Promise((resolve) => {
      if (this.wire.isOver) return resolve(null);
      this.#waiting = { resolve };
      this.wire.write(text);
      this.#check();
    });
  }
}

export const PATH = '/faye';

export function postText(messages, headers = '') {
  const body = JSON.stringify(messages);
  return `POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}`
    + `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export const jsonpText = (messages) =>
  `GET ${PATH}?jsonp=cb&message=${encodeURIComponent(JSON.stringify(messages))} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** The messages of a response to either; null if it is not a response of the protocol. */
export function messagesOf(response) {
  if (response?.status !== 200) return null;
  const { body } = response;
  return JSON.parse(body.startsWith('/**/cb(') ? body.slice('/**/cb('.length, -2) : body);
}

/** Opens a stream and calls `take(message)` for each message. Resolves when its head has arrived; null if it did not. */
export async function openStream(port, clientId, take) {
  const wire = await Wire.open(port);
  let text = '';
  let hasHead = false;
  const head = new Promise((resolve) => {
    wire.read((bytes) => {
      text += bytes.toString('latin1');
      if (!hasHead) {
        const end = text.indexOf(HEAD_END);
        if (end < 0) return;
        hasHead = true;
        resolve(text.startsWith('HTTP/1.1 200') ? wire : null);
        text = text.slice(end + HEAD_END.length);
      }
      const events = text.split('\r\n\r\n');
      text = events.pop();
      for (const line of events.flatMap((event) => event.split('\r\n'))) {
        if (line.startsWith('data: ')) for (const message of JSON.parse(Buffer.from(line.slice(6), 'latin1').toString())) take(message);
      }
    });
    wire.over.then(() => resolve(null));
  });
  wire.write(`GET ${PATH}/${clientId} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n`);
  return { wire, head };
}

const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 };

/** A masked frame of a client. */
function frameOf(opcode, payload) {
  const { length } = payload;
  const head = length < 126 ? Buffer.from([0x80 | opcode, 0x80 | length])
    : length < 65_536 ? Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 255])
      : Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | 127, 0, 0, 0, 0]), Buffer.from([length >>> 24, length >> 16 & 255, length >> 8 & 255, length & 255])]);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let index = 0; index < length; index += 1) masked[index] ^= mask[index & 3];
  return Buffer.concat([head, mask, masked]);
}

/** A WebSocket. `take(message)` gets each message; `ask` sends one and gives its reply, or null if the connection ends before. */
export class SocketWire {
  #bytes = Buffer.alloc(0);
  #take;
  #asked = new Map();
  #count = 0;

  /** @returns the socket, or null if the server refused it */
  static async open(port, take = () => {}) {
    const wire = await Wire.open(port);
    const socket = new SocketWire();
    socket.wire = wire;
    socket.#take = take;
    const accepted = new Promise((resolve) => {
      let text = Buffer.alloc(0);
      wire.read((bytes) => {
        text = Buffer.concat([text, bytes]);
        const end = text.indexOf(HEAD_END);
        if (end < 0) return;
        const isAccepted = text.toString('latin1', 0, 12) === 'HTTP/1.1 101';
        wire.read((more) => socket.#read(more));
        if (isAccepted) socket.#read(text.subarray(end + HEAD_END.length));
        else wire.cut();
        resolve(isAccepted ? socket : null);
      });
      wire.over.then(() => {
        resolve(null);
        for (const settle of socket.#asked.values()) settle(null);
      });
    });
    wire.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
      + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    return accepted;
  }

  #read(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const have = this.#bytes;
      if (have.length < 2) return;
      let [length, offset] = [have[1] & 127, 2];
      if (length === 126) {
        if (have.length < 4) return;
        [length, offset] = [have.readUInt16BE(2), 4];
      } else if (length === 127) {
        if (have.length < 10) return;
        [length, offset] = [Number(have.readBigUInt64BE(2)), 10];
      }
      if (have.length < offset + length) return;
      const payload = have.subarray(offset, offset + length);
      this.#bytes = have.subarray(offset + length);
      const opcode = have[0] & 15;
      if (opcode === OPCODE.ping) this.wire.write(frameOf(OPCODE.pong, payload));
      if (opcode === OPCODE.close) this.wire.write(frameOf(OPCODE.close, payload));
      if (opcode === OPCODE.text) for (const message of JSON.parse(payload.toString())) this.#message(message);
    }
  }

  #message(message) {
    const settle = this.#asked.get(message.id);
    if (settle && message.successful !== undefined) {
      this.#asked.delete(message.id);
      settle(message);
    } else {
      this.#take(message);
    }
  }

  ask(message) {
    this.#count += 1;
    const id = `q${this.#count}`;
    return new Promise((resolve) => {
      if (this.wire.isOver) return resolve(null);
      this.#asked.set(id, resolve);
      this.wire.write(frameOf(OPCODE.text, Buffer.from(JSON.stringify([{ ...message, id }]))));
    });
  }
}
