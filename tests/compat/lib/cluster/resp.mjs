// A small client for Redis, by which tests ask and command it (RESP 2). Commands are answered in their order.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

const LINE_END = '\r\n';
/** The answer is not all there yet. */
export const PARTLY = Symbol('partly');

/** Reads one answer at an offset, and gives it with the offset behind it. */
export function readAnswer(bytes, offset) {
  const lineEnd = bytes.indexOf(LINE_END, offset);
  if (lineEnd < 0) return PARTLY;
  const kind = String.fromCharCode(bytes[offset]);
  const line = bytes.toString('utf8', offset + 1, lineEnd);
  const next = lineEnd + LINE_END.length;
  if (kind === '+') return [line, next];
  if (kind === '-') return [new Error(line), next];
  if (kind === ':') return [Number(line), next];
  const length = Number(line);
  if (length < 0) return [null, next];
  if (kind === '$') {
    const end = next + length;
    return bytes.length < end + LINE_END.length ? PARTLY : [bytes.toString('utf8', next, end), end + LINE_END.length];
  }
  if (kind !== '*') throw new Error(`an answer of Redis begins with ${JSON.stringify(kind)}`);
  const items = [];
  let position = next;
  for (let index = 0; index < length; index += 1) {
    const read = readAnswer(bytes, position);
    if (read === PARTLY) return PARTLY;
    items.push(read[0]);
    position = read[1];
  }
  return [items, position];
}

export class RespClient {
  #socket;
  #bytes = Buffer.alloc(0);
  #waiting = [];

  /** @param where  { port, path, tls, user, password }; `tls` as options of node:tls */
  static async open({ port, path, tls, user = 'default', password }) {
    const client = new RespClient();
    const options = path ? { path } : { port, host: '127.0.0.1' };
    const socket = tls ? connectSecurely({ ...options, ...tls }) : connect(options);
    client.#socket = socket;
    await once(socket, tls ? 'secureConnect' : 'connect');
    socket.on('data', (data) => client.#read(data));
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const { reject } of client.#waiting.splice(0)) reject(new Error('Redis closed the connection'));
    });
    if (password) await client.command('AUTH', user, password);
    return client;
  }

  #read(data) {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    for (;;) {
      const read = this.#bytes.length > 0 ? readAnswer(this.#bytes, 0) : PARTLY;
      if (read === PARTLY) return;
      const [answer, next] = read;
      this.#bytes = this.#bytes.subarray(next);
      const { resolve, reject } = this.#waiting.shift();
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    }
  }

  get isClosed() {
    return this.#socket.destroyed;
  }

  command(...words) {
    if (this.isClosed) return Promise.reject(new Error('the connection to Redis is closed'));
    const parts = words.map(String).map((word) => `$${Buffer.byteLength(word)}${LINE_END}${word}${LINE_END}`);
    this.#socket.write(`*${words.length}${LINE_END}${parts.join('')}`);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  close() {
    this.#socket.destroy();
  }
}
