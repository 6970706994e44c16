/**
 * Keeps back messages that overtook others, while the session moves from one transport to another.
 */

import { later, type Timer } from './clock.js';
import type { Message } from './message.js';

/** How long a message waits for those that were sent before it. */
const PATIENCE = 1_000;

export class Early {
  #messages: Message[] = [];
  #timer: Timer | undefined;
  #give: (message: Message) => void;
  #giveUp: () => void;

  /** `giveUp` is called when the others did not come in time. */
  constructor(give: (message: Message) => void, giveUp: () => void) {
    this.#give = give;
    this.#giveUp = giveUp;
  }

  keep(message: Message): void {
    this.#messages.push(message);
    this.#timer ??= later(() => {
      this.#giveUp();
      this.release();
    }, PATIENCE);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const message of this.#messages.splice(0)) this.#give(message);
  }
}
