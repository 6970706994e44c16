// A raw WebSocket client: it frames by hand, so that a case can break every rule of RFC 6455.

import crypto from 'node:crypto';
import { Silence, deadline } from './byte-stream.mjs';
import { HttpConnection, requestBytes } from './http-client.mjs';

export const upgradeHeaders = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

// One frame. `length` overrides the announced length, `reserved` sets the bits 0x40, 0x20, 0x10.
export function frame(payload, { opcode = opcodes.text, final = true, masked = true, reserved = 0, length } = {}) {
  const data = Buffer.isBuffer(payload) ? payload : Buffer.from(payload, 'utf8');
  const announced = length ?? data.length;
  const maskBit = masked ? 0x80 : 0;
  const first = (final ? 0x80 : 0) | reserved | opcode;
  let head;
  if (announced <= 125) {
    head = Buffer.from([first, maskBit | announced]);
  } else if (announced <= 0xffff) {
    head = Buffer.from([first, maskBit | 126, 0, 0]);
    head.writeUInt16BE(announced, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = maskBit | 127;
    head.writeBigUInt64BE(BigInt(announced), 2);
  }
  if (!masked) return Buffer.concat([head, data]);
  const key = crypto.randomBytes(4);
  const body = Buffer.from(data);
  for (let index = 0; index < body.length; index += 1) body[index] ^= key[index % 4];
  return Buffer.concat([head, key, body]);
}

export function closePayload(code, reason = '') {
  const text = Buffer.from(reason, 'utf8');
  const payload = Buffer.alloc(2 + text.length);
  payload.writeUInt16BE(code, 0);
  text.copy(payload, 2);
  return payload;
}

function describe({ opcode, payload, final, masked, reserved }) {
  if (!final || masked || reserved) return { oddFrame: { opcode, final, masked, reserved } };
  if (opcode === opcodes.text) return { text: payload.toString('utf8') };
  if (opcode === opcodes.pong) return { pong: payload.toString('latin1') };
  if (opcode === opcodes.ping) return { ping: payload.toString('latin1') };
  if (opcode === opcodes.close) {
    return {
      close: payload.length >= 2 ? payload.readUInt16BE(0) : null,
      reason: payload.subarray(2).toString('utf8'),
    };
  }
  return { oddFrame: { opcode, payload: payload.toString('hex') } };
}

export class WebSocketConnection {
  constructor(server) {
    this.connection = new HttpConnection(server);
    this.server = server;
    this.frames = [];
    this.waiting = null;
  }

  async open({ target, headers = upgradeHeaders, method = 'GET', body, trailing }) {
    const bytes = requestBytes(this.server, { method, target, headers, body });
    this.connection.send(trailing ? Buffer.concat([bytes, trailing]) : bytes);
    const head = await this.connection.readHead();
    if (head.status !== 101) return { ...head, body: await this.connection.readBody(head, method) };
    this.readFrames();
    return { ...head, body: Buffer.alloc(0) };
  }

  async readFrames() {
    const { stream } = this.connection;
    stream.more = () => new Promise((resolve, reject) => {
      if (stream.ended) return reject(new Silence('the connection ended'));
      stream.waiting = resolve;
    });
    try {
      for (;;) {
        const [first, second] = await stream.read(2);
        let length = second & 0x7f;
        if (length === 126) length = (await stream.read(2)).readUInt16BE(0);
        else if (length === 127) length = Number((await stream.read(8)).readBigUInt64BE(0));
        this.push(describe({
          opcode: first & 0x0f,
          final: (first & 0x80) !== 0,
          reserved: first & 0x70,
          masked: (second & 0x80) !== 0,
          payload: Buffer.from(await stream.read(length)),
        }));
      }
    } catch {
      this.push({ end: 'the connection ended' });
    }
  }

  push(described) {
    this.frames.push(described);
    this.waiting?.();
    this.waiting = null;
  }

  async next() {
    if (this.frames.length === 0) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          this.waiting = null;
          reject(new Silence('no frame came'));
        }, deadline);
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.frames.shift();
  }

  send(bytes) {
    this.connection.send(bytes);
  }

  close() {
    this.connection.close();
  }
}
