/**
 * A client that records what is asked of it, and on which a test plays the server.
 */

import type { FayeError } from '../src/api.js';

type Listener = (...values: any[]) => void;

export class FakeSubscription {
  isCancelled = false;
  refuse!: (error: FayeError) => void;
  agree!: () => void;
  #outcome: Promise<void>;
  #listener: Listener = () => {};

  constructor(readonly channel: string) {
    this.#outcome = new Promise((agree, refuse) => Object.assign(this, { agree, refuse }));
    this.#outcome.catch(() => {});
  }

  then(agreed?: () => void, refused?: (error: FayeError) => void): Promise<void> {
    return this.#outcome.then(agreed, refused);
  }

  withChannel(listener: Listener): this {
    this.#listener = listener;
    return this;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  deliver(channel: string, data: unknown): void {
    this.#listener(channel, data);
  }
}

export class FakeClient {
  static made: FakeClient[] = [];

  state = 'unconnected';
  transport: string | undefined;
  disconnects = 0;
  readonly subscriptions: FakeSubscription[] = [];
  readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    readonly endpoint: string | URL = '/faye',
    readonly options?: object,
  ) {
    FakeClient.made.push(this);
  }

  /** The subscriptions that were not cancelled. */
  get active(): FakeSubscription[] {
    return this.subscriptions.filter((subscription) => !subscription.isCancelled);
  }

  get listenerCount(): number {
    return [...this.listeners.values()].reduce((count, listeners) => count + listeners.size, 0);
  }

  subscribe(channel: string): FakeSubscription {
    const subscription = new FakeSubscription(channel);
    this.subscriptions.push(subscription);
    return subscription;
  }

  disconnect(): void {
    this.disconnects += 1;
  }

  on(event: string, listener: Listener): this {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(listener));
    return this;
  }

  removeListener(event: string, listener: Listener): this {
    this.listeners.get(event)?.delete(listener);
    return this;
  }

  emit(event: string, ...values: unknown[]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...values);
  }

  /** The connection changes, as the real client tells it. */
  become(state: string, reason: string, transport?: string): void {
    this.state = state;
    this.transport = transport;
    this.emit('connection', { state, reason, transport });
  }
}
