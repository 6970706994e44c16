// Publishes numbered messages to channels in turn, each when the one before was answered, and notes what became of each.

import { setTimeout as pause } from 'node:timers/promises';

/** The shape of the load, so that the channels' histories can hold what a test publishes. */
const PAUSE_MILLISECONDS = 5;

export class Publisher {
  #ledger;
  #channels;
  #send;
  #isStopped = false;
  #running;

  constructor(ledger, name, channels, send) {
    this.#ledger = ledger;
    this.name = name;
    this.#channels = channels;
    this.#send = send;
    this.#running = this.#run();
    // Told by stop(), or by the test that waits in vain.
    this.#running.catch(() => {});
  }

  async #run() {
    for (let round = 1; !this.#isStopped; round += 1) {
      for (const channel of this.#channels) {
        if (this.#isStopped) return;
        const { phase, publications } = this.#ledger;
        const publication = { publisher: this.name, channel, number: round, outcome: 'unknown', phase };
        publications.push(publication);
        const data = { publisher: this.name, channel, number: round };
        publication.outcome = await this.#send(channel, data);
        await pause(PAUSE_MILLISECONDS);
      }
    }
  }

  abandon() {
    this.#isStopped = true;
  }

  async stop() {
    this.abandon();
    await this.#running;
  }
}
