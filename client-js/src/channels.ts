/**
 * Which listeners this client has on which channels, and whether the server knows of each. It sends nothing.
 */

import { patternsOf } from './channel.js';
import { type FayeError, failure } from './error.js';
import type { Message } from './message.js';
import type { Subscription } from './subscription.js';

/** What the server knows of a channel: nothing, that it was asked, or that it agreed. */
export type Standing = 'unknown' | 'asked' | 'agreed';

export interface Channel {
  readonly name: string;
  standing: Standing;
  subscriptions: Subscription[];
}

export class Channels {
  #channels = new Map<string, Channel>();

  /** Adds a listener and gives its channel. */
  add(subscription: Subscription): Channel {
    let channel = this.#channels.get(subscription.channel);
    if (!channel) {
      channel = { name: subscription.channel, standing: 'unknown', subscriptions: [] };
      this.#channels.set(channel.name, channel);
    }
    // A new list each time: a message that is being delivered goes to who listened when it came.
    channel.subscriptions = [...channel.subscriptions, subscription];
    return channel;
  }

  /** Removes a listener, or all of a channel. Gives the channel if nobody listens to it any more. */
  remove(name: string, subscription?: Subscription): Channel | undefined {
    const channel = this.#channels.get(name);
    if (!channel) return undefined;
    const leaves = (each: Subscription): boolean => !subscription || each === subscription;
    const leaving = channel.subscriptions.filter(leaves);
    channel.subscriptions = channel.subscriptions.filter((each) => !leaves(each));
    for (const each of leaving) each.spoil(failure('The subscription was cancelled'));
    if (channel.subscriptions.length > 0 || leaving.length === 0) return undefined;
    this.#channels.delete(name);
    return channel;
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name);
  }

  all(): Channel[] {
    return [...this.#channels.values()];
  }

  /** The session has ended: the next one knows no channel. */
  forget(): void {
    for (const channel of this.all()) channel.standing = 'unknown';
  }

  /** The server agreed. */
  agree(channel: Channel): void {
    channel.standing = 'agreed';
    for (const subscription of channel.subscriptions) subscription.succeed();
  }

  /**
   * The server refused. Listeners that still waited for the answer are rejected and leave; those whose promise was
   * resolved before stay for the next session. Gives whether such are left.
   */
  refuse(channel: Channel, error: FayeError): boolean {
    channel.standing = 'unknown';
    const waiting = channel.subscriptions.filter((subscription) => !subscription.isSettled);
    channel.subscriptions = channel.subscriptions.filter((subscription) => subscription.isSettled);
    for (const subscription of waiting) subscription.spoil(error);
    if (channel.subscriptions.length > 0) return true;
    this.#channels.delete(channel.name);
    return false;
  }

  /** Whoever still waits for an answer gets none. */
  reject(error: FayeError): void {
    for (const channel of this.all()) this.refuse(channel, error);
  }

  /** Ends every listener: the client is disconnected for good. */
  clear(error: FayeError): void {
    for (const channel of this.all()) {
      for (const subscription of channel.subscriptions) subscription.spoil(error);
    }
    this.#channels.clear();
  }

  /** Calls every listener whose channel or pattern matches, in Faye's order. */
  deliver(message: Message): void {
    for (const pattern of patternsOf(message.channel)) {
      for (const subscription of this.#channels.get(pattern)?.subscriptions ?? []) {
        subscription.apply(undefined, [message]);
      }
    }
  }
}
