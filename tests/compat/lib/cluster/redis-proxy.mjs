// Stands between one node and Redis, understands what they say, and cuts the connection at a request that a test is
// after: before Redis gets it, or when Redis has done it and its answer is lost.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { RedisFrames } from './redis-frames.mjs';
import { readAnswer } from './resp.mjs';

/** What is answered by pushes only, which are not counted. */
const PUSHED = /^s?p?(un)?subscribe$/i;

const begins = (frame, kind) => frame[0] === kind.charCodeAt(0);

export class RedisProxy {
  #target;
  #listener;
  #sockets = new Set();
  /** What is to be cut off next: { loses: 'request' | 'answer', isMeant, done }. */
  #cut = null;

  port = null;

  constructor(targetPort) {
    this.#target = targetPort;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start() {
    this.#listener = createServer((near) => this.#accept(near));
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.port = this.#listener.address().port;
  }

  /** Once. @returns a promise that settles when a request for which `isMeant(words)` is true was cut off */
  cutRequest(isMeant) {
    return this.#arm('request', isMeant);
  }

  /** Once. Settles when Redis has done what was meant, and its answer was cut off; a refusal does not count. */
  cutAnswer(isMeant) {
    return this.#arm('answer', isMeant);
  }

  #arm(loses, isMeant) {
    return new Promise((resolve) => {
      this.#cut = { loses, isMeant, done: resolve };
    });
  }

  #accept(near) {
    const far = connect(this.#target, '127.0.0.1');
    const end = () => {
      near.destroy();
      far.destroy();
      this.#sockets.delete(near);
    };
    this.#sockets.add(near);
    for (const side of [near, far]) side.on('error', end).on('close', end);

    /** The words of the requests that are not answered yet. */
    const asked = [];
    const [requests, answers] = [new RedisFrames(), new RedisFrames()];
    const cutAt = (loses, words) => {
      if (this.#cut?.loses !== loses || !this.#cut.isMeant(words)) return false;
      const { done } = this.#cut;
      this.#cut = null;
      end();
      done();
      return true;
    };
    near.on('data', (bytes) => {
      for (const frame of requests.take(bytes)) {
        const [words] = readAnswer(frame, 0);
        if (cutAt('request', words)) return;
        if (!PUSHED.test(words[0])) asked.push(words);
        far.write(frame);
      }
    });
    far.on('data', (bytes) => {
      for (const frame of answers.take(bytes)) {
        const words = begins(frame, '>') ? null : asked.shift();
        if (words && !begins(frame, '-') && cutAt('answer', words)) return;
        near.write(frame);
      }
    });
  }

  close() {
    for (const near of this.#sockets) near.destroy();
    this.#listener.close();
  }
}

export async function startRedisProxy(workbench, targetPort) {
  const proxy = new RedisProxy(targetPort);
  await proxy.start();
  workbench.atEnd(() => proxy.close());
  return proxy;
}
