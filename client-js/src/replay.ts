/**
 * The extension `ext.replay`: a subscription says after which message it wants to continue, so that what was published
 * while the client was away arrives. Positions are `ext.replay.id` of a message, or `data.event.replayId`
 * (Salesforce); `faye-server` also sends cursors, which hold for patterns. Without the extension on the server, nothing happens.
 */

import { CONNECT, HANDSHAKE, SUBSCRIBE, patternsOf } from './channel.js';
import { failure, type FayeError } from './error.js';
import { addExt, type Feature } from './feature.js';
import type { Message } from './message.js';

/** The start of a subscription: `true` or -1 for new messages, -2 for all kept messages, a position, or one per channel. */
export type ReplaySource = boolean | number | Record<string, number>;

const FROM_NOW = -1;
const MOST_CHANNELS = 1_000;

function positionOf(message: Message): number | undefined {
  const id = (message.ext?.['replay'] as { id?: unknown } | undefined)?.id
    ?? (message.data as { event?: { replayId?: unknown } } | null | undefined)?.event?.replayId;
  return typeof id === 'number' ? id : undefined;
}

/** `ext.replay` of a message: a position, a cursor for all subscriptions, or what the server tells of subscriptions. */
interface Told {
  id?: unknown;
  cursor?: string;
  [channel: string]: unknown;
}

/** The feature of the option `replay`. */
export class Replay implements Feature {
  #source: ReplaySource;
  #positions = new Map<string, number>();
  #cursors = new Map<string, string>();
  #isOffered = false;
  #gap: (channel: string, error: FayeError) => void;

  /** `gap` is called when messages are lost because the server does not keep them so long. */
  constructor(source: ReplaySource, gap: (channel: string, error: FayeError) => void) {
    this.#source = source;
    this.#gap = gap;
  }

  /** Says where to go on. */
  outgoing(message: Message): void {
    if (message.channel === HANDSHAKE) addExt(message, 'replay', true);
    if (message.channel !== SUBSCRIBE || !this.#isOffered) return;
    const channel = String(message.subscription);
    const source = this.#source;
    const first = typeof source === 'number' ? source : (source as Record<string, number>)[channel] ?? FROM_NOW;
    const positions: Record<string, number | string> = { [channel]: this.#cursors.get(channel) ?? first };
    for (const [name, position] of this.#positions) {
      if (patternsOf(name).includes(channel)) positions[name] = position;
    }
    // Without a position the rule of the server decides how a new subscription begins.
    if (source !== true || Object.keys(positions).length > 1 || positions[channel] !== FROM_NOW) {
      addExt(message, 'replay', positions);
    }
  }

  /** Remembers the position. */
  incoming(message: Message): void {
    if (message.channel === HANDSHAKE) {
      if (message.successful) this.#isOffered = message.ext?.['replay'] === true;
      return;
    }
    if (!this.#isOffered) return;
    const { channel, subscription } = message;
    const told = message.ext?.['replay'] as Told | undefined;
    if (channel === CONNECT && told?.cursor) {
      for (const name of this.#cursors.keys()) this.#cursors.set(name, told.cursor);
    }
    if (channel === SUBSCRIBE) {
      const { cursor, recovered } = (told?.[String(subscription)] ?? {}) as { cursor?: string; recovered?: boolean };
      const isLost = recovered === false;
      if (isLost) this.#forget(subscription);
      if (cursor) this.#cursors.set(String(subscription), cursor);
      if (isLost || message.ext?.['faye:gap']) this.#gap(String(subscription), failure('Messages are missing'));
    }
    const position = message.successful === undefined ? positionOf(message) : undefined;
    if (position === undefined) return;
    // The channel that was heard last stands last; the first is the one to forget.
    this.#positions.delete(channel);
    this.#positions.set(channel, position);
    if (this.#positions.size > MOST_CHANNELS) this.#positions.delete(this.#positions.keys().next().value!);
  }

  /** Whether to begin with what the server still has. */
  retries(message: Message, error: FayeError): boolean {
    if (message.channel !== SUBSCRIBE || error.code !== 400 || !this.#isOffered) return false;
    const channel = String(message.subscription);
    if (!this.#forget(channel)) return false;
    this.#gap(channel, error);
    return true;
  }

  /** Forgets the positions of a subscription. Returns whether there were any. */
  #forget(subscription: unknown): boolean {
    const known = [...this.#positions.keys()].filter((name) => patternsOf(name).includes(String(subscription)));
    for (const name of known) this.#positions.delete(name);
    return this.#cursors.delete(String(subscription)) || known.length > 0;
  }
}
