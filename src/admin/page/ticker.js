// Publishes numbered messages by POST, as a back end does, one request after the
// other, and keeps the outcome of each number. It knows no client.

const INTERVAL_MILLISECONDS = 500;
/** Messages in one request of a burst; the server's default limit is 1,000. */
const BATCH = 100;
const REPLY_MILLISECONDS = 10_000;
/** Characters of an error response that are shown. */
const REASON_LENGTH = 200;
/** Outcomes that are kept for the picture and for late arrivals. */
const KEPT_UNACCEPTED = 10_000;

const HOLD_MILLISECONDS = 5000;

/** Resolves with the promise, or after the time. */
export function within(milliseconds, promise) {
  let timer;
  const expired = new Promise((resolve) => { timer = setTimeout(resolve, milliseconds); });
  return Promise.race([promise, expired]).finally(() => clearTimeout(timer));
}

export class Ticker {
  #url;
  #channel;
  #credential;
  #watchers = [];
  #timer = null;
  #queue = Promise.resolve();
  #batch = Promise.resolve();
  #holds = 0;
  #released = Promise.resolve();
  #release = () => {};
  #next = 1;
  #pending = new Set();
  /** Numbers without a reply, and those that the server refused. */
  #unaccepted = new Map();
  counts = { accepted: 0, refused: 0, unanswered: 0 };
  /** The error of the last refusal, or undefined. */
  refusal;
  /** What became of the last request: 'none', 'answered' or 'failed'. */
  reach = 'none';
  failure = '';

  constructor(url, channel, credential) {
    this.#url = url;
    this.#channel = channel;
    this.#credential = credential;
  }

  get channel() { return this.#channel; }

  get next() { return this.#next; }

  get isRunning() { return this.#timer !== null; }

  get isBusy() { return this.#pending.size > 0; }

  /** Calls `watcher.accepted(number)` for each accepted number and `watcher.changed()` after each request. */
  watch(watcher) { this.#watchers.push(watcher); }

  /** 'pending', 'accepted', 'refused' or 'unanswered'. */
  outcome(number) {
    if (this.#pending.has(number)) return 'pending';
    return this.#unaccepted.get(number) ?? 'accepted';
  }

  start() {
    if (this.#timer !== null) return;
    this.refusal = undefined;
    // A request that takes long delays the next number; numbers do not pile up.
    this.#timer = setInterval(() => { if (!this.isBusy && this.#holds === 0) this.publish(1); }, INTERVAL_MILLISECONDS);
    this.#changed();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#changed();
  }

  /** Counts outcomes from 0 again; the numbers go on. */
  forget() {
    this.counts = { accepted: 0, refused: 0, unanswered: 0 };
    this.refusal = undefined;
    this.reach = 'none';
    this.#changed();
  }

  /** Publishes so many messages; resolves when each has an outcome. */
  publish(count) {
    this.#queue = this.#queue.then(() => this.#send(count));
    return this.#queue;
  }

  /**
   * Stops publishing until the returned function is called. Resolves when no publication is pending, or after
   * five seconds.
   */
  async hold() {
    if (this.#holds === 0) this.#released = new Promise((resolve) => { this.#release = resolve; });
    this.#holds += 1;
    await within(HOLD_MILLISECONDS, this.#batch);
    return () => {
      this.#holds -= 1;
      if (this.#holds === 0) this.#release();
    };
  }

  async #send(count) {
    for (let left = count; left > 0; left -= BATCH) {
      while (this.#holds > 0) await this.#released;
      this.#batch = this.#sendBatch(Math.min(left, BATCH));
      await this.#batch;
    }
  }

  async #sendBatch(count) {
    const numbers = Array.from({ length: count }, () => this.#next++);
    for (const number of numbers) this.#pending.add(number);
    const replies = await this.#post(numbers);
    for (const number of numbers) this.#settle(number, replies?.get(String(number)));
    this.#changed();
  }

  #settle(number, reply) {
    this.#pending.delete(number);
    if (reply?.successful) {
      this.counts.accepted += 1;
      for (const { accepted } of this.#watchers) accepted?.(number);
      return;
    }
    const outcome = reply ? 'refused' : 'unanswered';
    this.counts[outcome] += 1;
    this.#unaccepted.set(number, outcome);
    if (this.#unaccepted.size > KEPT_UNACCEPTED) this.#unaccepted.delete(this.#unaccepted.keys().next().value);
    if (!reply) return;
    this.refusal = reply.error ?? 'no reason given';
    // The next numbers would be refused as well.
    this.stop();
  }

  /** Returns the replies by number, or null without an answer. */
  async #post(numbers) {
    const messages = numbers.map((number) => ({ channel: this.#channel, data: { number }, id: String(number) }));
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), REPLY_MILLISECONDS);
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...this.#credential.headers() },
        body: JSON.stringify(messages),
        signal: controller.signal,
      });
      if (!response.ok) throw new Error(`status ${response.status}: ${(await response.text()).slice(0, REASON_LENGTH)}`);
      const replies = await response.json();
      this.reach = 'answered';
      return new Map(replies.map((reply) => [reply.id, reply]));
    } catch (error) {
      this.reach = 'failed';
      this.failure = controller.signal.aborted ? `no reply within ${REPLY_MILLISECONDS / 1000} s` : error.message;
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  #changed() { for (const { changed } of this.#watchers) changed?.(); }
}
