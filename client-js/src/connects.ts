/**
 * Keeps one connect under way, over the transport in use: that is how a server reaches us and knows that we are there.
 */

import type { Advised } from './advice.js';
import { delayAfter } from './backoff.js';
import { CONNECT } from './channel.js';
import { later, type Timer } from './clock.js';
import type { Dispatcher } from './dispatcher.js';
import { isConnect, type Settle } from './envelope.js';
import type { Message } from './message.js';
import type { SessionOptions } from './options.js';

/** A connect that is answered faster, and brought nothing, counts as answered at once. */
const QUICK_MILLISECONDS = 50;
const QUICK_IN_A_ROW = 5;
const LONGEST_BRAKE = 5_000;

export class Connects {
  /** Whether a message came since the connect was sent. */
  hasHeard = false;
  /** Whether the server is being told that we go: it would not know who connects then. */
  isOver = false;
  #dispatcher: Dispatcher;
  #transmit: (message: Message, settle: Settle) => string;
  #options: SessionOptions;
  #advised: Advised;
  #underWay: { id: string } | undefined;
  #isFirst = true;
  #quick = 0;
  #refusals = 0;
  #timer: Timer | undefined;

  constructor(
    dispatcher: Dispatcher,
    options: SessionOptions,
    advised: Advised,
    transmit: (message: Message, settle: Settle) => string,
  ) {
    this.#dispatcher = dispatcher;
    this.#options = options;
    this.#advised = advised;
    this.#transmit = transmit;
  }

  /** Connects, unless a connect waits or is under way over the transport in use. */
  cycle(): void {
    const { current, clientId } = this.#dispatcher.selector;
    if (!clientId || !current || this.isOver) return;
    if (this.#underWay) {
      const carrier = this.#dispatcher.outbox.carrier(this.#underWay.id);
      if (!carrier || carrier === current.transport) return;
    }
    clearTimeout(this.#timer);
    const message: Message = { channel: CONNECT, clientId, connectionType: current.kind.type };
    // Often a socket opens just now. Then no connect should be held elsewhere, because Faye would never answer it.
    if (this.#isFirst && !current.kind.isSocket) message.advice = { timeout: 0 };
    const underWay = { id: '' };
    const sentAt = Date.now();
    this.#underWay = underWay;
    this.hasHeard = false;
    underWay.id = this.#transmit(message, (reply) => {
      if (this.#underWay !== underWay) return;
      this.#underWay = undefined;
      this.#isFirst = false;
      // A connect that another transport still carries is not made again.
      this.#dispatcher.outbox.retire(isConnect);
      const delay = this.#delay(reply, sentAt);
      if (delay > 0) this.#timer = later(() => this.cycle(), delay);
      else this.cycle();
    });
  }

  #delay(reply: Message | undefined, sentAt: number): number {
    const { interval, timeout } = this.#advised;
    const elapsed = Date.now() - sentAt;
    const { retry } = this.#options;
    if (!reply?.successful) return Math.max(delayAfter(++this.#refusals, retry, retry), interval);
    this.#refusals = 0;
    // A server that answers connects at once, again and again, is not asked without pause.
    const isQuick = !this.hasHeard && elapsed < QUICK_MILLISECONDS;
    this.#quick = isQuick ? this.#quick + 1 : 0;
    const excess = this.#quick - QUICK_IN_A_ROW;
    const brake = excess > 0 ? Math.min(100 * 2 ** excess, LONGEST_BRAKE) : 0;
    // With event streams Faye's server advises a timeout of 0, and yet holds a connect that follows one over long-polling. The
    // session would expire if the interval came on top of that.
    return Math.max(timeout ? interval : interval - elapsed, brake);
  }

  /** The session is over. */
  stop(): void {
    this.#isFirst = true;
    this.isOver = false;
    clearTimeout(this.#timer);
    this.#underWay = undefined;
  }
}
