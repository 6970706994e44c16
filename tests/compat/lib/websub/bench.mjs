// What a test of a hub works with: the hub, topics and callbacks of its own, and steps that several tests take.

import assert from 'node:assert/strict';

import { Callback } from './callback.mjs';
import { NotSeen, Web } from './web.mjs';

/** How long a step waits for a delivery before it pings the hub once more. */
const PING_AGAIN_MILLISECONDS = 200;

/** What a test knows about the hub that it tests. */
export class Hub {
  /** Every response of the hub. */
  answers = [];

  /**
   * @param url      where requests are sent
   * @param link     its URL as topics name it
   * @param isOpen   whether it accepts topics that name another hub, or another `self`
   * @param tries    how often it tries a delivery before it gives up; 1 if it is not known
   * @param isOurs   whether it is the binary of this repository with the settings of `ours.mjs`
   * @param strict   gives the hub with the policy `advertised`; by default the same hub
   */
  constructor({ url, link = url, isOpen = true, tries = 1, isOurs = false, hasShortLeases = false, strict }) {
    Object.assign(this, { url, link, isOpen, tries, isOurs, hasShortLeases });
    this.strict = strict ?? (async () => this);
  }

  async request(options, query = '') {
    const response = await fetch(this.url + query, { redirect: 'manual', ...options });
    const answer = { status: response.status, headers: response.headers, text: await response.text() };
    this.answers.push(answer);
    return answer;
  }

  /** Posts a form: pairs of a name and a value, or of an object with arrays for repeated names. */
  post(fields, { headers = {} } = {}) {
    const pairs = Array.isArray(fields) ? fields
      : Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
    return this.request({ method: 'POST', body: new URLSearchParams(pairs), headers });
  }
}

export class Bench {
  #callbacks = new Map();
  #web = null;
  #count = 0;

  /** @param host  the loopback address of the callbacks: hubs have limits for a host, so each test has another one */
  constructor({ hub, topics, host, patience }) {
    Object.assign(this, { hub, topics, host, patience });
  }

  topic({ name, suffix, ...options } = {}) {
    return this.topics.add({ hubs: [this.hub.link], ...options }, name, suffix);
  }

  /** A callback that confirms and accepts everything, unless `verify` or `deliver` says otherwise. */
  async callback({ query = '', path, verify, deliver } = {}) {
    this.#web ??= await Web.start((request) => this.#callbacks.get(request.path)?.answer(request) ?? { status: 404 },
      { host: this.host, patience: this.patience });
    this.#count += 1;
    const callback = new Callback(this.#web, path ?? `/callback/${this.#count}`, query);
    if (verify) callback.verify = verify;
    if (deliver) callback.deliver = deliver;
    this.#callbacks.set(callback.path, callback);
    return callback;
  }

  /** Requests to paths that belong to no callback. */
  get strays() {
    return this.#web.requests.filter(({ path }) => !this.#callbacks.has(path));
  }

  ask(mode, callback, topic, fields = {}) {
    return this.hub.post({ 'hub.mode': mode, 'hub.callback': callback.url, 'hub.topic': topic.url, ...fields });
  }

  subscribe(callback, topic, fields) {
    return this.ask('subscribe', callback, topic, fields);
  }

  unsubscribe(callback, topic, fields) {
    return this.ask('unsubscribe', callback, topic, fields);
  }

  ping(...topics) {
    return this.hub.post({ 'hub.mode': 'publish', 'hub.url': topics.map(({ url }) => url) });
  }

  /** Subscribes and waits for the verification. */
  async subscribed(callback, topic, fields) {
    const mark = callback.mark();
    const answer = await this.subscribe(callback, topic, fields);
    assert.ok(answer.status === 202 || answer.status === 204,
      `a request to subscribe got ${answer.status}, not 202: ${answer.text}`);
    return callback.get('subscribe', mark);
  }

  /**
   * Publishes until each callback has received one and the same new version. A response to a verification reaches the hub
   * at an unknown time, and a hub may ignore pings before it.
   */
  async follow(topic, ...callbacks) {
    const deadline = Date.now() + this.patience;
    for (;;) {
      topic.version += 1;
      const body = topic.body();
      await this.accepted(topic);
      const waits = callbacks.map((callback) => callback.delivery('a version', (request) => request.body.equals(body), 0,
        PING_AGAIN_MILLISECONDS));
      const results = await Promise.allSettled(waits);
      const failed = results.find(({ status }) => status === 'rejected');
      if (!failed) return;
      if (!(failed.reason instanceof NotSeen) || Date.now() > deadline) throw failed.reason;
    }
  }

  /** The result of a promise, or `late` if it has none within the patience of the test. */
  async within(promise, late) {
    let timer;
    const expired = new Promise((resolve) => { timer = setTimeout(resolve, this.patience, late); });
    return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
  }

  /** Pings, and demands a response of success. */
  async accepted(topic) {
    const answer = await this.ping(topic);
    assert.ok(answer.status >= 200 && answer.status < 300, `a ping got ${answer.status}: ${answer.text}`);
  }

  /** Publishes the next version; gives its body. */
  async publish(topic) {
    topic.version += 1;
    await this.accepted(topic);
    return topic.body();
  }

  /** Publishes two versions, waits until `control` has them, and gives what the callback was sent after `mark`. */
  async sentAround(topic, control, callback, mark = callback.mark()) {
    for (let count = 0; count < 2; count += 1) await control.deliveryOf(await this.publish(topic));
    return callback.requestsSince(mark).filter(({ method }) => method === 'POST');
  }

  /**
   * Publishes until nothing is sent to `callback` around two versions that `control` receives; fails with `problem` if that
   * does not happen. What ends a subscription reaches the hub at an unknown time, and one delivery may be in flight.
   */
  async becomesSilent(topic, control, callback, problem, time = this.patience) {
    const latest = Date.now() + time;
    while ((await this.sentAround(topic, control, callback)).length > 0) {
      assert.ok(Date.now() < latest, problem);
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }

  /** Subscribes a callback that must not become active, then one that does, and demands that only that one is sent to. */
  async staysInactive(callback, topic, fields) {
    await this.subscribed(callback, topic, fields);
    const control = await this.callback();
    await this.subscribed(control, topic);
    await this.follow(topic, control);
    const sent = await this.sentAround(topic, control, callback, 0);
    assert.equal(sent.length, 0, `a callback that did not confirm was sent ${sent.length} deliveries`);
  }

  async close() {
    await this.#web?.stop();
  }
}
