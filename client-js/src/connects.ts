/**
 * Keeps one connect under way, over the transport in use: that is how a server reaches us and knows that we are there.
 */

import { delayAfter } from './backoff.js';
import { CONNECT } from './channel.js';
import type { Dispatcher } from './dispatcher.js';
import type { Settle } from './envelope.js';
import type { Message } from './message.js';

/** How long the first connect over a new socket may take: it is answered at once where the socket works. */
const TRIAL_SECONDS = 10;
/** A connect that is answered faster, and brought nothing, counts as answered at once. */
const QUICK_MILLISECONDS = 50;
const QUICK_IN_A_ROW = 5;
const LONGEST_BRAKE = 5_000;

export class Connects {
  /** Whether a message came since the connect was sent. */
  hasHeard = false;
  #dispatcher: Dispatcher;
  #transmit: (message: Message, timeout: number | undefined, settle: Settle) => void;
  #interval: () => number;
  #failed: () => number;
  #underWay: { transport: unknown } | undefined;
  #quick = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `interval` gives the milliseconds that the server wants between two connects. */
  constructor(
    dispatcher: Dispatcher,
    retry: number,
    interval: () => number,
    transmit: (message: Message, timeout: number | undefined, settle: Settle) => void,
  ) {
    this.#dispatcher = dispatcher;
    this.#transmit = transmit;
    this.#interval = interval;
    this.#failed = () => delayAfter(2, retry, retry);
  }

  /** Connects unless that is under way over the transport in use. */
  cycle(): void {
    const { current, clientId } = this.#dispatcher.selector;
    if (!clientId || !current || this.#underWay?.transport === current.transport) return;
    clearTimeout(this.#timer);
    const message: Message = { channel: CONNECT, clientId, connectionType: current.kind.type };
    const isTrial = Boolean(current.kind.isSocket) && !current.isProven;
    if (isTrial) message.advice = { timeout: 0 };
    const underWay = { transport: current.transport };
    const sentAt = Date.now();
    this.#underWay = underWay;
    this.hasHeard = false;
    this.#transmit(message, isTrial ? TRIAL_SECONDS : undefined, (reply) => {
      if (this.#underWay !== underWay) return;
      this.#underWay = undefined;
      // A connect that another transport still carries is of no use any more.
      this.#dispatcher.forget(({ channel }) => channel === CONNECT);
      const delay = this.#delay(reply, isTrial, sentAt);
      if (delay > 0) this.#timer = setTimeout(() => this.cycle(), delay);
      else this.cycle();
    });
  }

  #delay(reply: Message | undefined, isTrial: boolean, sentAt: number): number {
    if (!reply?.successful) return Math.max(this.#failed(), this.#interval());
    if (isTrial) return 0;
    // A server that answers connects at once, again and again, is not asked without pause.
    const isQuick = !this.hasHeard && Date.now() - sentAt < QUICK_MILLISECONDS;
    this.#quick = isQuick ? this.#quick + 1 : 0;
    const excess = this.#quick - QUICK_IN_A_ROW;
    const brake = excess > 0 ? Math.min(100 * 2 ** excess, LONGEST_BRAKE) : 0;
    return Math.max(this.#interval(), brake);
  }

  /** The session is over. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#underWay = undefined;
  }
}
