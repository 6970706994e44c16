/**
 * Makes the server's list of our subscriptions agree with ours: asks for each channel once in a session, however many
 * listen, and tells them the answer.
 */

import { SUBSCRIBE, UNSUBSCRIBE } from './channel.js';
import { type Channel, Channels } from './channels.js';
import { type FayeError, failure, parseError } from './error.js';
import type { Message } from './message.js';
import type { Session } from './session.js';
import type { Subscription } from './subscription.js';

export class Subscriber {
  readonly channels = new Channels();
  #session: Session;
  #lost: (channel: string, error: FayeError) => void;

  /** `lost` is told of subscriptions that had been accepted and are no more. */
  constructor(session: Session, lost: (channel: string, error: FayeError) => void) {
    this.#session = session;
    this.#lost = lost;
  }

  add(subscription: Subscription): void {
    if (this.#session.isOver) return subscription.spoil(failure('The client is disconnected'));
    const channel = this.channels.add(subscription);
    if (this.#session.phase !== 'connected' || this.#session.isEnding) this.#session.start();
    else if (channel.standing === 'agreed') subscription.succeed();
    else if (channel.standing === 'unknown') this.#ask(channel);
  }

  /** Removes one listener of a channel, or all. The server is told when nobody listens any more. */
  remove(name: string, subscription?: Subscription): void {
    const left = this.channels.remove(name, subscription);
    if (!left || left.standing === 'unknown' || this.#session.phase !== 'connected') return;
    const message: Message = { channel: UNSUBSCRIBE, clientId: this.#session.clientId!, subscription: name };
    this.#session.transmit(message, {}, () => {});
  }

  /** A session has begun, which knows of nothing. */
  renew(): void {
    this.channels.forget();
    for (const channel of this.channels.all()) this.#ask(channel);
  }

  #ask(channel: Channel, isSecond = false): void {
    channel.standing = 'asked';
    const message: Message = { channel: SUBSCRIBE, clientId: this.#session.clientId!, subscription: channel.name };
    const isWanted = (): boolean => this.channels.get(channel.name) === channel;
    this.#session.transmit(message, { isWanted }, (reply, error) => {
      // Nobody listens any more, or the next session asks again.
      if (!isWanted() || (reply && this.#session.phase !== 'connected')) return;
      if (!error) this.channels.agree(channel);
      else if (reply && !isSecond && this.#session.pipeline.mayRetry(message, error)) this.#ask(channel, true);
      else this.#refuse(channel, error);
    });
  }

  #refuse(channel: Channel, error: FayeError): void {
    if (this.channels.refuse(channel, error)) this.#lost(channel.name, error);
  }

  /** The server took subscriptions away, for example because a token expired. */
  takenAway(message: Message): void {
    for (const name of [message.subscription ?? []].flat()) {
      const channel = this.channels.get(name);
      if (channel?.standing !== 'agreed') continue;
      const refusal = parseError(message.error);
      if (this.#session.pipeline.mayRetry(message, refusal)) this.#ask(channel, true);
      else this.#refuse(channel, refusal);
    }
  }
}
