/**
 * When a message is given up, and how long a reply may take: one scheduler for each message. An application may
 * pass a class of its own as the option `scheduler` (Faye's contract).
 */

import type { Message } from './message.js';

/** The limits of one message. */
export interface SchedulerOptions {
  /** Seconds until a reply is missed. */
  timeout: number;
  /** Seconds until the message is sent again. */
  interval: number;
  /** How often it is sent at most. */
  attempts?: number | undefined;
  /** Until when it is sent, in milliseconds since 1970. */
  deadline?: number | undefined;
}

/** Decides for one message when it is sent again and given up. */
export interface Scheduler {
  /** The message. */
  message: Message;
  /** Its limits. */
  options: SchedulerOptions;
  /** How often the message was sent. */
  attempts: number;
  /** Seconds until a reply is missed. */
  getTimeout(): number;
  /**
   * Seconds until the message is sent again. A class that overrides it decides; otherwise the client's backoff does,
   * which begins at this interval.
   */
  getInterval(): number;
  /** Whether it may be sent (again). */
  isDeliverable(): boolean;
  /** The message is sent. */
  send(): void;
  /** Its reply came. */
  succeed(): void;
  /** It was not answered. */
  fail(): void;
  /** It was given up. */
  abort(): void;
}

/** What the option `scheduler` takes. */
export type SchedulerClass = new (message: Message, options: SchedulerOptions) => Scheduler;

// Not a class: Faye's users inherit from it with `Faye.Scheduler.apply(this, arguments)`, which a class refuses.
function construct(this: Scheduler, message: Message, options: SchedulerOptions): void {
  this.message = message;
  this.options = options;
  this.attempts = 0;
}

const methods: ThisType<Scheduler> & Omit<Scheduler, 'message' | 'options' | 'attempts'> = {
  getTimeout() {
    return this.options.timeout;
  },
  getInterval() {
    return this.options.interval;
  },
  isDeliverable() {
    const { attempts, deadline } = this.options;
    return (attempts === undefined || this.attempts < attempts) && (deadline === undefined || Date.now() <= deadline);
  },
  send() {
    this.attempts += 1;
  },
  succeed() {},
  fail() {},
  abort() {},
};
Object.assign(construct.prototype, methods);

/** The scheduler that sends a message until its attempts or its deadline end. An own one extends it. */
export const Scheduler = construct as unknown as SchedulerClass & {
  /** The methods, which an own scheduler may call. */
  readonly prototype: Scheduler;
};
