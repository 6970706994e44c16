/**
 * What the server advises: how long it holds connects, how long to wait between them, and whether the session is still
 * one (Bayeux specification, section 4.2). Only replies advise; what others publish steers nobody.
 */

import { parseError } from './error.js';
import type { Message } from './message.js';
import type { SessionOptions } from './options.js';

/** How long a reply may take where the server holds no connects. */
const REPLY_SECONDS = 10;

export class Advised {
  /** Milliseconds between two connects. */
  declare interval: number;
  /** Milliseconds for which the server holds a connect. */
  declare timeout: number;

  #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.interval = 1000 * options.interval;
    this.timeout = 1000 * options.timeout;
  }

  /** The next session may be over another transport, for which the server advises otherwise. */
  forget(): void {
    this.interval = 1000 * this.#options.interval;
  }

  heed({ advice }: Message): void {
    for (const field of ['interval', 'timeout'] as const) {
      const value = advice?.[field];
      if (typeof value === 'number' && value >= 0) this[field] = value;
    }
  }

  /** Seconds that a reply may take: as long as the server holds a connect, and a little more. */
  replyTime(): number {
    return (1.2 * this.timeout) / 1000 || Math.max(1.2 * this.#options.retry, REPLY_SECONDS);
  }
}

/** What a reply says about the session of this client: that it is over for good, that it is lost, or nothing. */
export function fateOf(reply: Message, clientId: string): 'over' | 'lost' | undefined {
  const reconnect = reply.advice?.reconnect;
  if (reconnect === 'none') return 'over';
  const { message, params } = parseError(reply.error);
  if (reconnect !== 'handshake' && (reply.successful || !/unknown client/i.test(message))) return undefined;
  // It may speak of a session that we had before.
  const named = reply.clientId ?? params.find(Boolean);
  return named === undefined || named === clientId ? 'lost' : undefined;
}
