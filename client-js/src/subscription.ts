/**
 * The result of `subscribe`: one listener on one channel or pattern, and a promise of the server's reply.
 */

import { attempt } from './clock.js';
import { Deferrable } from './deferrable.js';
import type { Message } from './message.js';

type Callback<Data> = (data: Data) => void;
type ChannelCallback<Data> = (channel: string, data: Data) => void;

/** Options of one subscription. An unknown name throws a `FayeError`. */
export interface SubscribeOptions {
  /**
   * With the client's option `replay`: where the subscription begins if the client does not know it yet: -1 with new messages, -2
   * with all kept ones, or after a position.
   */
  replay?: number | undefined;
}

/** A subscription. Resolves when the server accepts it; rejects when the server refuses it, or when it is cancelled first. */
export class Subscription<Data = any> extends Deferrable {
  /** The channel or pattern. */
  declare readonly channel: string;
  #end: (subscription: Subscription) => void;
  #callback: (message: Message) => void;
  #withChannel: ((message: Message) => void) | undefined;
  #isCancelled = false;

  /** Used by the client; applications call `subscribe`. */
  constructor(
    channel: string,
    callback: Callback<Data> | undefined,
    context: unknown,
    end: (subscription: Subscription) => void,
  ) {
    super();
    this.channel = channel;
    this.#end = end;
    this.#callback = (message) => callback?.call(context, message.data as Data);
  }

  /** Calls `callback` with the channel and the data of each message, which is useful with patterns. */
  withChannel(callback: ChannelCallback<Data>, context?: unknown): this {
    this.#withChannel = (message) => callback.call(context, message.channel, message.data as Data);
    return this;
  }

  /** Ends the subscription. The client unsubscribes at the server when this was its last listener of the channel. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#end(this);
  }

  /** Ends the subscription, like `cancel`. */
  unsubscribe(): void {
    this.cancel();
  }

  /** Passes a message to the callbacks. */
  apply(_context: unknown, [message]: [Message]): void {
    for (const call of [this.#callback, this.#withChannel]) {
      attempt(() => call?.(message));
    }
  }
}
