// A small hub in memory that conforms to the checklist, and faults that can be turned on by name. Each fault is one that hubs
// in use have. The suite is tested with it; it has no limits and no guard, so it is for tests only.

import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/** What the hub does wrong. */
export const FAULTS = {
  'prefix-compare': 'accepts a response that begins with the challenge',
  'trimmed-challenge': 'removes white space around the response to a verification',
  'follows-verification-redirects': 'follows the redirection of a verification',
  'follows-delivery-redirects': 'follows the redirection of a delivery',
  'state-before-verification': 'stores the secret before the verification',
  'deactivates-after-failure': 'ends a subscription after it gave up on a delivery',
  'wrong-link-header': 'names itself and the fetched URL in Link, whatever the topic names',
  'no-content-type': 'delivers everything as application/octet-stream',
  'truncated-body': 'delivers the first 64 KiB',
  'signs-without-secret': 'signs with an empty key if there is no secret',
  'perpetual-lease': 'never ends a subscription',
  'overwrites-callback-query': 'replaces parameters of the callback by its own',
  '200-for-publish': 'answers pings with 200 and a text',
  'verifies-before-answering': 'asks the callback before it answers the request to subscribe',
  'constant-challenge': 'uses one challenge for all verifications',
  'silent-denial': 'does not notify a callback of a denial',
  'one-topic-a-callback': 'forgets the other topics of a callback',
};

const LEASE_SECONDS = { default: 10 * 86_400, most: 30 * 86_400 };
const RENEW_BEFORE = 0.25;
const RETRY_MILLISECONDS = 30;
export const TRIES = 2;

/** A URL with its percent-encoded unreserved characters decoded; an error unless it is http(s) without a fragment. */
function normalised(name, text) {
  const decoded = (text ?? '').replace(/%([0-9a-f]{2})/gi, (whole, code) => {
    const character = String.fromCharCode(parseInt(code, 16));
    return /[\w.~-]/.test(character) ? character : whole;
  });
  if (!/^https?:\/\/[^\s#]+$/.test(decoded) || !URL.canParse(decoded)) throw new Error(`${name} is not an http(s) URL`);
  return decoded;
}

/** The links of a topic by their relation: `{ hub: [...], self: [...] }`. */
function discover(headers, body) {
  const found = { hub: [], self: [] };
  const add = (rel, url) => { found[rel]?.push(url); };
  for (const [, url, rel] of (headers.get('link') ?? '').matchAll(/<([^>]*)>;\s*rel="?(\w+)"?/g)) add(rel, url);
  if (found.hub.length > 0) return found;
  for (const [tag] of body.toString('latin1').matchAll(/<(?:atom:)?link\s[^>]*>/g)) {
    add(/rel="(\w+)"/.exec(tag)?.[1], /href="([^"]*)"/.exec(tag)?.[1].replaceAll('&amp;', '&'));
  }
  return found;
}

export class SmallHub {
  #server = createServer((request, response) => this.#serve(request, response));
  #faults;
  #policy;
  #subscriptions = new Map();
  #topics = new Map();
  #timers = new Set();

  constructor(faults, policy) {
    for (const fault of faults) if (!(fault in FAULTS)) throw new Error(`there is no fault ${fault}`);
    this.#faults = new Set(faults);
    this.#policy = policy;
  }

  static async start({ faults = [], policy = 'open', link } = {}) {
    const hub = new SmallHub(faults, policy);
    hub.#server.listen(0, '127.0.0.1');
    await once(hub.#server, 'listening');
    hub.url = `http://127.0.0.1:${hub.#server.address().port}/hub`;
    hub.link = link ?? hub.url;
    return hub;
  }

  async stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#subscriptions.clear();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #after(milliseconds, action) {
    // Timers of Node end after 24 days.
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, Math.min(milliseconds, 2 ** 31 - 1));
    this.#timers.add(timer);
    return timer;
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const [status, text, after] = await this.#answer(new URLSearchParams(Buffer.concat(chunks).toString()))
      .catch((error) => [400, error.message]);
    response.writeHead(status, text ? { 'Content-Type': 'text/plain' } : {}).end(text);
    await after?.();
  }

  async #answer(form) {
    const mode = form.get('hub.mode');
    if (mode === 'publish') return this.#publish(form.getAll('hub.url'));
    if (mode !== 'subscribe' && mode !== 'unsubscribe') throw new Error('hub.mode is none of subscribe, unsubscribe, publish');
    const words = form.getAll('hub.verify');
    const word = words.find((one) => one === 'sync' || one === 'async');
    if (words.length > 0 && !word) throw new Error('hub.verify is neither sync nor async');
    const wish = Number.parseInt(form.get('hub.lease_seconds'), 10);
    const wanted = {
      mode,
      topic: normalised('hub.topic', form.get('hub.topic')),
      callback: normalised('hub.callback', form.get('hub.callback')),
      secret: form.get('hub.secret'),
      token: form.get('hub.verify_token'),
      isLegacy: word !== undefined,
      lease: Math.min(wish > 0 ? wish : LEASE_SECONDS.default, LEASE_SECONDS.most),
    };
    if (word === 'sync') return await this.#verify(wanted) ? [204] : [409, 'The callback did not confirm.'];
    if (this.#faults.has('verifies-before-answering')) {
      return await this.#verify(wanted) ? [202, 'Verified.'] : [400, 'The callback did not confirm.'];
    }
    return [202, 'The callback will be asked.', () => this.#decide(wanted)];
  }

  #publish(urls) {
    if (urls.length === 0) throw new Error('hub.url is missing');
    const topics = urls.map((url) => normalised('hub.url', url));
    const fetchAll = () => Promise.all(topics.map((topic) => this.#fetch(topic)));
    return this.#faults.has('200-for-publish') ? [200, 'Thank you.', fetchAll] : [204, '', fetchAll];
  }

  async #decide(wanted) {
    if (this.#policy === 'advertised' && wanted.mode === 'subscribe') {
      const response = await fetch(wanted.topic).catch(() => null);
      const found = response && discover(response.headers, Buffer.from(await response.arrayBuffer()));
      if (!found?.hub.includes(this.link)) return this.#deny(wanted, 'The topic does not name this hub.');
    }
    return this.#verify(wanted);
  }

  async #deny({ callback, topic }, reason) {
    if (this.#faults.has('silent-denial')) return;
    const parameters = new URLSearchParams({ 'hub.mode': 'denied', 'hub.topic': topic, 'hub.reason': reason });
    await fetch(`${callback}${callback.includes('?') ? '&' : '?'}${parameters}`, { redirect: 'manual' }).catch(() => {});
  }

  /** Asks the callback; changes the subscription if it confirms. */
  async #verify(wanted) {
    const { mode, topic, callback, lease, token } = wanted;
    const key = `${this.#faults.has('one-topic-a-callback') ? '' : topic} ${callback}`;
    const before = this.#subscriptions.get(key);
    if (before && this.#faults.has('state-before-verification')) before.secret = wanted.secret;
    const challenge = this.#faults.has('constant-challenge') ? 'the-challenge-of-this-hub' : randomBytes(24).toString('base64url');
    const parameters = new URLSearchParams({ 'hub.mode': mode, 'hub.topic': topic, 'hub.challenge': challenge });
    if (mode === 'subscribe') parameters.set('hub.lease_seconds', lease);
    if (token !== null) parameters.set('hub.verify_token', token);
    if (!await this.#confirms(callback, parameters, challenge)) {
      if (wanted.isRenewal) this.#end(key);
      return false;
    }
    this.#end(key);
    if (mode === 'unsubscribe') return true;
    const subscription = { ...wanted, key, isActive: true, timers: [] };
    if (!this.#faults.has('perpetual-lease')) {
      subscription.timers.push(this.#after(1_000 * lease, () => this.#end(key)));
      if (wanted.isLegacy) {
        const renew = () => this.#verify({ ...subscription, isRenewal: true });
        subscription.timers.push(this.#after(1_000 * lease * (1 - RENEW_BEFORE), renew));
      }
    }
    this.#subscriptions.set(key, subscription);
    return true;
  }

  #end(key) {
    const subscription = this.#subscriptions.get(key);
    if (!subscription) return;
    subscription.isActive = false;
    for (const timer of subscription.timers) clearTimeout(timer);
    this.#subscriptions.delete(key);
  }

  async #confirms(callback, parameters, challenge) {
    let url = `${callback}${callback.includes('?') ? '&' : '?'}${parameters}`;
    if (this.#faults.has('overwrites-callback-query')) {
      url = new URL(callback);
      for (const [name, value] of parameters) url.searchParams.set(name, value);
    }
    const redirect = this.#faults.has('follows-verification-redirects') ? 'follow' : 'manual';
    const response = await fetch(url, { redirect }).catch(() => null);
    if (!response?.ok) return false;
    const text = await response.text();
    if (this.#faults.has('prefix-compare')) return text.startsWith(challenge);
    return (this.#faults.has('trimmed-challenge') ? text.trim() : text) === challenge;
  }

  /** Fetches a topic; a ping during a fetch is followed by one more fetch. */
  async #fetch(topic) {
    const state = this.#topics.get(topic) ?? { isBusy: false, isDue: false, headers: {}, body: null };
    this.#topics.set(topic, state);
    state.isDue = true;
    if (state.isBusy) return;
    state.isBusy = true;
    while (state.isDue) {
      state.isDue = false;
      await this.#fetchOnce(topic, state).catch(() => {});
    }
    state.isBusy = false;
  }

  async #fetchOnce(topic, state) {
    const subscribers = [...this.#subscriptions.values()].filter((subscription) => subscription.topic === topic);
    if (subscribers.length === 0) return;
    const readers = subscribers.reduce((sum, { readers: own = 1 }) => sum + own, 0);
    const agent = `SmallHub/1.0 (+${this.link}; ${readers} subscribers)`;
    const response = await fetch(topic, { headers: { 'User-Agent': agent, ...state.headers } });
    if (response.status !== 200) return;
    const body = Buffer.from(await response.arrayBuffer());
    if (state.body?.equals(body)) return;
    state.body = body;
    const [etag, modified] = ['etag', 'last-modified'].map((name) => response.headers.get(name));
    state.headers = { ...(etag && { 'If-None-Match': etag }), ...(modified && { 'If-Modified-Since': modified }) };
    const found = discover(response.headers, body);
    const isBlind = this.#faults.has('wrong-link-header');
    const [hubs, self] = isBlind ? [[this.link], topic] : [found.hub, found.self[0] ?? topic];
    const headers = {
      'Content-Type': this.#faults.has('no-content-type') ? 'application/octet-stream' : response.headers.get('content-type'),
      Link: [...(hubs.length > 0 ? hubs : [this.link]).map((url) => `<${url}>; rel="hub"`), `<${self}>; rel="self"`].join(', '),
    };
    const sent = this.#faults.has('truncated-body') ? body.subarray(0, 65_536) : body;
    for (const subscription of subscribers) this.#queue(subscription, { headers, body: sent });
  }

  /** A newer content replaces one that waits; there is one delivery to a subscription at a time. */
  async #queue(subscription, content) {
    subscription.waiting = content;
    if (subscription.isBusy) return;
    subscription.isBusy = true;
    while (subscription.waiting && this.#isActive(subscription)) {
      const next = subscription.waiting;
      subscription.waiting = null;
      await this.#deliver(subscription, next);
    }
    subscription.isBusy = false;
  }

  #isActive = ({ key }) => this.#subscriptions.has(key);

  async #deliver(subscription, { headers, body }) {
    for (let attempt = 1; attempt <= TRIES && !subscription.waiting && this.#isActive(subscription); attempt += 1) {
      // A renewal or a new request replaces the subscription: the current secret counts.
      const { secret } = this.#subscriptions.get(subscription.key);
      const key = secret ?? (this.#faults.has('signs-without-secret') ? '' : null);
      const signed = key === null ? {} : { 'X-Hub-Signature': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` };
      const redirect = this.#faults.has('follows-delivery-redirects') ? 'follow' : 'manual';
      const response = await fetch(subscription.callback, { method: 'POST', headers: { ...headers, ...signed }, body, redirect })
        .catch(() => null);
      await response?.body?.cancel().catch(() => {});
      subscription.readers = Number(response?.headers.get('x-hub-on-behalf-of')) || 1;
      if (response?.ok) return;
      if (response?.status === 410) return this.#end(subscription.key);
      if (attempt === TRIES && this.#faults.has('deactivates-after-failure')) return this.#end(subscription.key);
      await new Promise((resolve) => { this.#after(RETRY_MILLISECONDS, resolve); });
    }
  }
}
