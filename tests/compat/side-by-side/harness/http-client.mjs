// A raw HTTP/1.1 client: requests are written byte for byte as a case gives them, replies are kept as they came.

import { ByteStream } from './byte-stream.mjs';

// `headers` is a list of [name, value]; a Host and a Content-Length are added unless `bare` is set.
export function requestBytes(server, { method = 'GET', target, headers = [], body, bare = false }) {
  const lines = [`${method} ${target ?? server.mount} HTTP/1.1`];
  const payload = body === undefined ? null : Buffer.isBuffer(body) ? body : Buffer.from(body, 'utf8');
  if (!bare) lines.push(`Host: ${server.host}:${server.port}`);
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (payload && !bare) lines.push(`Content-Length: ${payload.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8');
  return payload ? Buffer.concat([head, payload]) : head;
}

export class HttpConnection {
  constructor(server) {
    this.stream = new ByteStream(server);
  }

  send(bytes) {
    this.stream.write(bytes);
  }

  async readHead() {
    for (;;) {
      const text = (await this.stream.readUntil('\r\n\r\n')).toString('utf8');
      const [statusLine, ...lines] = text.slice(0, -4).split('\r\n');
      const status = Number(statusLine.split(' ')[1]);
      if (status === 100) continue;
      const headers = lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      });
      this.chunked = headers.some(([name, value]) => name === 'transfer-encoding' && /chunked/i.test(value));
      return { statusLine, status, headers };
    }
  }

  // The next chunk of a chunked body, or null behind the last one.
  async readChunk() {
    const size = Number.parseInt((await this.stream.readUntil('\r\n')).toString('latin1'), 16);
    const data = await this.stream.read(size + 2);
    return size === 0 ? null : data.subarray(0, size);
  }

  async readBody(head, method) {
    const length = head.headers.find(([name]) => name === 'content-length');
    if (method === 'HEAD' || head.status === 204 || head.status === 304) return Buffer.alloc(0);
    if (this.chunked) {
      const chunks = [];
      for (;;) {
        const chunk = await this.readChunk();
        if (chunk === null) return Buffer.concat(chunks);
        chunks.push(chunk);
      }
    }
    if (length) return Buffer.from(await this.stream.read(Number(length[1])));
    return this.stream.readToEnd();
  }

  async readResponse(method = 'GET') {
    const head = await this.readHead();
    return { ...head, body: await this.readBody(head, method) };
  }

  close() {
    this.stream.destroy();
  }
}

// A stream of server-sent events: blocks of text that end with an empty line, framed in chunks or not.
export class EventStream {
  constructor(connection) {
    this.connection = connection;
    this.text = '';
  }

  async nextBlock() {
    for (;;) {
      const index = this.text.indexOf('\r\n\r\n');
      if (index >= 0) {
        const block = this.text.slice(0, index + 4);
        this.text = this.text.slice(index + 4);
        return block;
      }
      const piece = this.connection.chunked ? await this.connection.readChunk() : await this.readRaw();
      if (piece === null) return null;
      this.text += piece.toString('utf8');
    }
  }

  async readRaw() {
    const { stream } = this.connection;
    if (stream.buffer.length === 0 && stream.ended) return null;
    if (stream.buffer.length === 0) await stream.more();
    if (stream.buffer.length === 0 && stream.ended) return null;
    return stream.take(stream.buffer.length);
  }
}
