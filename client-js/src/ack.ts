/**
 * The extension `ext.ack`, as CometD defines it: each connect says which batch of messages has arrived, and the
 * server sends again what has not. Where the server does not have it, nothing happens.
 */

import { CONNECT, HANDSHAKE } from './channel.js';
import { addExt, type Feature } from './feature.js';
import type { Message } from './message.js';

export class Ack implements Feature {
  /** The last batch that arrived; undefined where the server does not acknowledge. */
  #batch: number | undefined;

  outgoing(message: Message): void {
    if (message.channel === HANDSHAKE) addExt(message, 'ack', true);
    else if (message.channel === CONNECT && this.#batch !== undefined) addExt(message, 'ack', this.#batch);
  }

  incoming({ channel, successful, ext }: Message): void {
    if (!successful) return;
    const ack = ext?.['ack'] as true | number | { enabled?: boolean; batch?: number } | undefined;
    if (channel === HANDSHAKE) {
      this.#batch = undefined;
      if (ack === true) this.#batch = 0;
      else if (typeof ack === 'object' && ack?.enabled) this.#batch = ack.batch ?? 0;
    } else if (channel === CONNECT && this.#batch !== undefined && typeof ack === 'number') {
      this.#batch = ack;
    }
  }
}
