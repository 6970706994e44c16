/**
 * The extension `ext.replay`: a subscription says after which message it wants to continue, so that what was published
 * while the client was away arrives. Positions are `ext.replay.id` of a message, or `data.event.replayId`
 * (Salesforce); `faye-server` also sends cursors, which hold for patterns. Without the extension on the server, nothing happens.
 */

import { CONNECT, HANDSHAKE, SUBSCRIBE, UNSUBSCRIBE, patternsOf } from './channel.js';
import { failure, type FayeError } from './error.js';
import { addExt, type Feature } from './feature.js';
import type { Message } from './message.js';
import { MOST_CHANNELS, recall, remember } from './remember.js';

/** The start of a subscription: `true` or -1 for new messages, -2 for all kept messages, a position, or one per channel. */
export type ReplaySource = boolean | number | Record<string, number>;

const FROM_NOW = -1;
/** The most positions of a channel that are known one by one. */
const MOST_POSITIONS = 100;

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
  /**
   * The positions that were received last in each channel, ascending. Nothing up to the first one is missing; between them
   * messages may still come, since those of two connections overtake each other when the client changes its transport.
   */
  #seen = new Map<string, number[]>();
  #cursors = new Map<string, string>();
  /** Where subscriptions begin that are new. */
  #starts = new Map<string, number>();
  /** The subscriptions of the session, for which its cursors hold. */
  #agreed = new Set<string>();
  #isOffered = false;
  #gap: (channel: string, error: FayeError) => void;
  #key: string | undefined;

  /** `gap` is called when messages are lost because the server does not keep them so long. `key`: where to remember. */
  constructor(source: ReplaySource, gap: (channel: string, error: FayeError) => void, key?: string) {
    this.#source = source;
    this.#gap = gap;
    this.#key = key;
    const [positions, cursors] = key ? recall(key) : [];
    positions?.forEach((position, name) => this.#seen.set(name, [position]));
    if (cursors) this.#cursors = cursors;
  }

  /** Remembers where to go on after a reload. */
  save(): void {
    if (this.#key) remember(this.#key, [new Map(this.#under('/**')), this.#cursors]);
  }

  /** Sets where a subscription begins, unless it goes on where an earlier one ended. */
  start(channel: string, position: number | undefined): void {
    // A server without cursors has only positions; with cursors a position may be that of a pattern's channel.
    const known = this.#cursors.size > 0 ? this.#cursors : this.#seen;
    if (position !== undefined && !known.has(channel)) this.#starts.set(channel, position);
  }

  /** Says where to go on. */
  outgoing(message: Message): void {
    if (message.channel === HANDSHAKE) addExt(message, 'replay', true);
    const channel = String(message.subscription);
    if (message.channel === UNSUBSCRIBE) {
      for (const each of [this.#starts, this.#agreed, this.#cursors]) each.delete(channel);
      this.#forget(channel);
    }
    if (message.channel !== SUBSCRIBE || !this.#isOffered) return;
    const source = this.#source;
    const start = this.#starts.get(channel);
    const first = start ?? this.#cursors.get(channel) ?? (source as Record<string, number>)[channel];
    const seen = start === undefined ? this.#under(channel) : [];
    // Without a position the rule of the server decides how a new subscription begins.
    if (source === true && first === undefined && seen.length === 0) return;
    const fallback = typeof source === 'number' ? source : FROM_NOW;
    addExt(message, 'replay', { [channel]: first ?? fallback, ...Object.fromEntries(seen) });
  }

  /** Remembers the position. Returns false for a message that has arrived before. */
  incoming(message: Message): boolean | void {
    const { channel, subscription, successful, ext } = message;
    if (channel === HANDSHAKE) {
      this.#agreed.clear();
      if (successful) this.#isOffered = ext?.['replay'] === true;
      return;
    }
    if (!this.#isOffered) return;
    const told = ext?.['replay'] as Told | undefined;
    if (channel === CONNECT && told?.cursor) {
      for (const name of this.#agreed) this.#cursors.set(name, told.cursor);
      this.save();
    }
    if (channel === SUBSCRIBE) {
      const name = String(subscription);
      const { cursor, recovered } = (told?.[name] ?? {}) as { cursor?: string; recovered?: boolean };
      const notice = ext?.['faye:gap'] as { reason?: string } | undefined;
      const isLost = recovered === false;
      // Lower positions may follow: kept messages for a new listener, or those of a server that counts from another number.
      const isNew = successful && !notice && this.#starts.delete(name);
      if (isLost || isNew || notice?.reason === 'cluster') this.#forget(name);
      if (!successful) this.#agreed.delete(name);
      if (cursor) {
        this.#agreed.add(name);
        this.#cursors.set(name, cursor);
      }
      if (isLost || notice) this.#gap(name, failure('Messages are missing'));
    }
    const position = successful === undefined ? positionOf(message) : undefined;
    if (position === undefined) return;
    const seen = this.#seen.get(channel) ?? [0];
    if (position === told?.id && (position <= seen[0]! || seen.includes(position))) return false;
    // The channel that was heard last stands last; the first is the one to forget.
    this.#seen.delete(channel);
    this.#seen.set(channel, [...seen, position].sort((one, other) => one - other).slice(-MOST_POSITIONS));
    if (this.#seen.size > MOST_CHANNELS) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** Whether to begin with what the server still has. */
  retries(message: Message, error: FayeError): boolean {
    if (message.channel !== SUBSCRIBE || error.code !== 400 || !this.#isOffered) return false;
    const channel = String(message.subscription);
    const isKnown = this.#cursors.delete(channel);
    if (!this.#forget(channel) && !isKnown) return false;
    this.#gap(channel, error);
    return true;
  }

  /** Forgets the positions of a subscription. Returns whether there were any. */
  #forget(subscription: string): boolean {
    return this.#under(subscription).filter(([name]) => this.#seen.delete(name)).length > 0;
  }

  /** The last positions of the channels of a subscription. */
  #under(subscription: string): [string, number][] {
    return [...this.#seen].filter(([name]) => patternsOf(name).includes(subscription))
      .map(([name, seen]) => [name, seen[seen.length - 1]!]);
  }
}
