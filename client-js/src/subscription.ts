/**
 * What `subscribe` gives: one listener on one channel or pattern, and a promise of the server's answer.
 */

import { attempt } from './clock.js';
import { Deferrable } from './deferrable.js';
import type { Message } from './message.js';

type Callback<Data> = (data: Data) => void;
type ChannelCallback<Data> = (channel: string, data: Data) => void;

/** Resolves when the server accepted the subscription, rejects when it refused or when it was cancelled before. */
export class Subscription<Data = any> extends Deferrable {
  /** The channel or pattern. */
  readonly channel: string;
  #end: (subscription: Subscription) => void;
  #callback: (message: Message) => void;
  #withChannel: ((message: Message) => void) | undefined;
  #isCancelled = false;

  /** For the client; applications get one from `subscribe`. */
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

  /** Also calls `callback` with the channel that each message was published to; useful with patterns. */
  withChannel(callback: ChannelCallback<Data>, context?: unknown): this {
    this.#withChannel = (message) => callback.call(context, message.channel, message.data as Data);
    return this;
  }

  /** Ends the subscription. The server is told when nobody else in this client listens to the channel. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#end(this);
  }

  /** Ends the subscription, as `cancel`. */
  unsubscribe(): void {
    this.cancel();
  }

  /** Hands a message to the callbacks. */
  apply(_context: unknown, [message]: [Message]): void {
    for (const call of [this.#callback, this.#withChannel]) {
      attempt(() => call?.(message));
    }
  }
}
