// Reads a TCP socket as a sequence of bytes: up to a delimiter, a count, or the end.
// Every wait has a deadline, so that a server that says nothing fails a case and does not hang the suite.

import net from 'node:net';

export const deadline = 15_000;

// The peer said nothing, or ended the connection, while something was awaited of it.
export class Silence extends Error {}

export class ByteStream {
  constructor({ host, port }) {
    this.buffer = Buffer.alloc(0);
    this.ended = false;
    this.waiting = null;
    this.socket = net.connect({ host, port, noDelay: true });
    this.socket.on('data', (chunk) => {
      this.buffer = Buffer.concat([this.buffer, chunk]);
      this.wake();
    });
    const end = () => {
      this.ended = true;
      this.wake();
    };
    this.socket.on('end', end);
    this.socket.on('close', end);
    this.socket.on('error', end);
  }

  wake() {
    const waiting = this.waiting;
    this.waiting = null;
    waiting?.();
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  destroy() {
    this.socket.destroy();
  }

  async more() {
    if (this.ended) throw new Silence('the connection ended');
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = null;
        reject(new Silence('nothing came'));
      }, deadline);
      this.waiting = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  take(count) {
    const taken = this.buffer.subarray(0, count);
    this.buffer = this.buffer.subarray(count);
    return taken;
  }

  async read(count) {
    while (this.buffer.length < count) await this.more();
    return this.take(count);
  }

  async readUntil(delimiter) {
    for (;;) {
      const index = this.buffer.indexOf(delimiter);
      if (index >= 0) return this.take(index + delimiter.length);
      await this.more();
    }
  }

  async readToEnd() {
    while (!this.ended) await this.more();
    return this.take(this.buffer.length);
  }
}
