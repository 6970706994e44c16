/**
 * Asks a scheduler, which may be the application's: what it throws or says amiss harms nobody.
 */

import { attempt } from './clock.js';
import { Scheduler, type SchedulerClass, type SchedulerOptions } from './scheduler.js';
import type { Message } from './message.js';

export class Schedule {
  #scheduler: Scheduler;
  #options: SchedulerOptions;

  constructor(Given: SchedulerClass, message: Message, options: SchedulerOptions) {
    this.#options = options;
    this.#scheduler = attempt(() => new Given(message, options), new Scheduler(message, options));
  }

  /** Milliseconds until a reply is missed. */
  get timeout(): number {
    return 1000 * (attempt(() => this.#scheduler.getTimeout(), 0) || this.#options.timeout);
  }

  /** Milliseconds until the message is sent again, if the application decides that. */
  get interval(): number | undefined {
    if (this.#scheduler.getInterval === Scheduler.prototype.getInterval) return undefined;
    const seconds = attempt(() => this.#scheduler.getInterval(), NaN);
    return seconds >= 0 ? 1000 * seconds : undefined;
  }

  get isDeliverable(): boolean {
    return attempt(() => this.#scheduler.isDeliverable(), false);
  }

  tell(what: 'send' | 'succeed' | 'fail' | 'abort'): void {
    attempt(() => this.#scheduler[what]());
  }
}
