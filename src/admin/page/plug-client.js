// One client of the plug demo: a Faye client with its line, its subscription and
// its tally. It draws nothing.

import { Line } from './line.js';
import { Tally } from './tally.js';
import { within } from './ticker.js';

const CUT_MILLISECONDS = 5000;
/** How long a change of the line waits for messages that are on their way. A busy machine takes seconds for one. */
const QUIET_MILLISECONDS = 5000;

export class PlugClient {
  #url;
  #credential;
  #readiness;
  #ticker;
  #changed;
  #client;
  #line;
  #subscription;
  /** Changes of the line, one after the other. */
  #changes = Promise.resolve();
  #isCutting = false;
  /** Called when the client may have received everything. */
  #noticeArrivals = () => {};
  tally = new Tally();
  /** What the client reported last: `{ state, transport, error, retryIn }`. */
  now = { state: 'unconnected' };
  /** The error of a refused subscription, or undefined. */
  refusal;
  /** The cut so far, or the last one: `{ from, until, waiting, returned }` in milliseconds; undefined before. */
  lastCut;

  constructor(name, transport, url, ticker, credential, readiness, changed) {
    this.#line = new Line(name);
    this.#line.limitTo(transport);
    this.transport = transport;
    this.#url = url + this.#line.path;
    this.#ticker = ticker;
    this.#credential = credential;
    this.#readiness = readiness;
    this.#changed = changed;
    ticker.watch({ accepted: (number) => this.tally.accept(number) });
    this.#begin();
  }

  get isCut() { return this.#line.isCut; }

  /** Whether a cut is under way or about to begin. */
  get isBusy() { return this.isCut || this.#isCutting; }

  /** Starts again with a new session and counts from the next number on. */
  restart() {
    this.#client.disconnect();
    this.#begin();
  }

  /** Counts from the next number on, without touching the connection. */
  countFromNow() {
    this.tally = new Tally();
    this.lastCut = undefined;
    this.#beginOnceReady(this.#subscription, this.tally);
  }

  #begin() {
    const client = new Faye.Client(this.#url, { retry: 1, maxRetry: 2 });
    // JSON-P runs script elements, which this page cannot cut.
    client.disable('callback-polling');
    this.#credential.extend(client);
    const tally = new Tally();
    this.tally = tally;
    this.#client = client;
    this.lastCut = undefined;
    this.refusal = undefined;
    this.#readiness.follow(this, client, () => [this.#ticker.channel]);
    client.on('connection', (event) => {
      if (client === this.#client) this.#become(event);
    });
    client.on('subscription:refused', ({ error }) => {
      if (client === this.#client) this.#refuse(error);
    });
    this.#become({ state: client.state });
    this.#subscription = client.subscribe(this.#ticker.channel, (data) => {
      const { number } = Object(data);
      if (client !== this.#client || !Number.isInteger(number)) return;
      this.tally.receive(number, this.#ticker.outcome(number) === 'accepted');
      this.#noticeArrivals();
      this.#changed();
    });
    this.#beginOnceReady(this.#subscription, tally);
  }

  #beginOnceReady(subscription, tally) {
    subscription.then(
      () => {
        tally.begin(this.#ticker.next);
        this.#changed();
      },
      (error) => { if (tally === this.tally) this.#refuse(error); },
    );
  }

  #refuse(error) {
    this.refusal = error;
    this.#changed();
  }

  #become(event) {
    this.now = event;
    this.#noticeArrivals();
    const cut = this.lastCut;
    if (cut && !this.isCut && cut.returned === undefined && event.state === 'connected') {
      cut.returned = performance.now();
    }
    this.#changed();
  }

  /**
   * Calls `act` at a moment in which no message is on its way to the client: a message that the server has written to
   * a connection is lost when that connection ends, since clients acknowledge nothing.
   */
  #betweenMessages(act) {
    this.#changes = this.#changes.then(async () => {
      const resume = await this.#ticker.hold();
      await within(QUIET_MILLISECONDS, new Promise((resolve) => {
        this.#noticeArrivals = () => {
          if (this.now.state !== 'connected' || this.tally.counts.waiting === 0) resolve();
        };
        this.#noticeArrivals();
      }));
      act();
      resume();
    });
  }

  /** Closes the client's connections and refuses new ones for five seconds. */
  cut() {
    if (this.isBusy) return;
    this.#isCutting = true;
    this.#changed();
    this.#betweenMessages(() => this.#cut());
  }

  #cut() {
    const from = performance.now();
    const cut = { from, until: from + CUT_MILLISECONDS, waiting: 0, returned: undefined };
    this.#isCutting = false;
    this.lastCut = cut;
    this.#line.cut();
    this.#changed();
    setTimeout(() => {
      cut.waiting = this.tally.counts.waiting;
      this.#line.restore();
      // What the browser's event `online` does when a network comes back.
      this.#client.wake();
      this.#become(this.now);
    }, CUT_MILLISECONDS);
  }

  /** Allows only this transport and its fallbacks; the session stays. */
  use(transport) {
    this.transport = transport;
    this.#betweenMessages(() => {
      this.#line.limitTo(transport);
      this.#client.wake();
      this.#changed();
    });
  }
}
