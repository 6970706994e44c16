// A hub like that of GNU social: it is a part of the publisher, wants `hub.verify`, verifies after its answer, signs with
// SHA-1, sends no Link header, and pushes only those entries that it pushes. It never fetches.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';

import { Web } from '../websub/web.mjs';

const LEASE_SECONDS = 86_400;
const PATIENCE_MILLISECONDS = 60_000;

export class SocialHub {
  #subscriptions = new Map();
  #web;

  /** What subscribers have done wrong. */
  mistakes = [];

  async start() {
    this.#web = await Web.start((request) => this.#answer(request), { patience: PATIENCE_MILLISECONDS });
    return this;
  }

  get url() { return `${this.#web.origin}/main/push/hub`; }

  #answer({ method, path, body }) {
    const form = new URLSearchParams(body.toString());
    const get = (name) => form.get(`hub.${name}`);
    if (method !== 'POST' || path !== '/main/push/hub') return { status: 404 };
    if (!['sync', 'async'].includes(get('verify'))) return { status: 400, body: 'hub.verify must be "sync" or "async"' };
    this.#verify({
      mode: get('mode'), topic: get('topic'), callback: get('callback'), secret: get('secret'), token: get('verify_token'),
    });
    return { status: 202 };
  }

  async #verify({ mode, topic, callback, secret, token }) {
    const challenge = randomBytes(16).toString('hex');
    const url = new URL(callback);
    const parameters = { mode, topic, challenge, lease_seconds: LEASE_SECONDS, ...(token && { verify_token: token }) };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.append(`hub.${name}`, value);
    try {
      const response = await fetch(url);
      const text = await response.text();
      assert.deepEqual([response.status, text], [200, challenge], `the verification of ${topic}`);
      if (mode === 'subscribe') this.#subscriptions.set(topic, { callback, secret });
      else this.#subscriptions.delete(topic);
    } catch (error) {
      this.mistakes.push(String(error));
    }
  }

  /** Whether a topic has a subscription that is verified. */
  isVerified(topic) { return this.#subscriptions.has(topic); }

  /** Whether a topic has a subscription with a secret. */
  isSigned(topic) { return Boolean(this.#subscriptions.get(topic)?.secret); }

  /**
   * Delivers a document to the subscriber of a topic and returns the status of the response.
   *
   * @param secret  in place of that of the subscription; null for no signature
   */
  async push(topic, document, secret = this.#subscriptions.get(topic).secret) {
    const headers = { 'Content-Type': 'application/atom+xml' };
    if (secret) headers['X-Hub-Signature'] = `sha1=${createHmac('sha1', secret).update(document).digest('hex')}`;
    const { callback } = this.#subscriptions.get(topic);
    const response = await fetch(callback, { method: 'POST', headers, body: document });
    await response.text();
    return response.status;
  }

  stop() { return this.#web.stop(); }
}
