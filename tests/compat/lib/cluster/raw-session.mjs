// A session without a client library: each of its requests goes to the node that a test chooses, and what it got is
// kept. A request that is not answered successfully fails the test.

import assert from 'node:assert/strict';

import { handshake, poll, post, subscribe } from './raw.mjs';
import { until } from './waiting.mjs';

export const AT_ONCE = { timeout: 0 };

export const numbers = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

export async function publish(node, channel, ...values) {
  for (const data of values) {
    const [reply] = await post(node.url, [{ channel, data }]);
    assert.equal(reply.successful, true, JSON.stringify(reply));
  }
}

export class RawSession {
  clientId;
  /** The data of the messages that came, in their order. */
  values = [];

  constructor(clientId) {
    this.clientId = clientId;
  }

  /** Begins one whose first connect was answered. */
  static async begin(node, ...patterns) {
    const session = new RawSession(await handshake(node.url));
    await session.poll(node, AT_ONCE);
    for (const pattern of patterns) await session.subscribe(node, pattern);
    return session;
  }

  async subscribe(node, pattern) {
    const [reply] = await subscribe(node.url, this.clientId, pattern);
    assert.equal(reply.successful, true, `${node.name} answered ${JSON.stringify(reply)}`);
  }

  async poll(node, advice) {
    const messages = await poll(node.url, this.clientId, advice);
    const reply = messages.find(({ channel }) => channel === '/meta/connect');
    assert.equal(reply?.successful, true, `${node.name} answered ${JSON.stringify(reply)}`);
    this.values.push(...messages.filter(({ data }) => data !== undefined).map(({ data }) => data));
  }

  /** Polls until it has so many values. */
  pollFor(node, count) {
    return until(`${node.name} has brought ${this.clientId} message ${count}`, async () => {
      if (this.values.length < count) await this.poll(node);
      return this.values.length >= count;
    });
  }
}
