/**
 * The client as applications see it: Faye's API, and what it lacked. What happens on the wire is the session's.
 */

import { Ack } from './ack.js';
import { SUBSCRIBE, UNSUBSCRIBE } from './channel.js';
import { type Channel, Channels } from './channels.js';
import type { ConnectionEvent, ConnectionState } from './connection.js';
import { Deferrable, type DeferredStatus } from './deferrable.js';
import { Emitter } from './emitter.js';
import type { Environment } from './environment.js';
import { type FayeError, failure, parseError } from './error.js';
import { type Extension, Extensions } from './extensible.js';
import type { Feature } from './feature.js';
import type { SessionListener } from './listeners.js';
import { log } from './logger.js';
import type { Message } from './message.js';
import { type ClientOptions, checkOptions, sessionOptions } from './options.js';
import { Pipeline } from './pipeline.js';
import { Publication, type PublishOptions } from './publication.js';
import { publish } from './publish.js';
import { Replay } from './replay.js';
import { Session } from './session.js';
import { Subscription } from './subscription.js';
import { Token } from './token.js';

export interface ChannelEvent {
  channel: string;
  error: FayeError;
}

export type ClientEvents = {
  'transport:up': [];
  'transport:down': [];
  /** The connection changed, or another attempt was planned. */
  connection: [ConnectionEvent];
  /** A subscription that had been accepted was refused after the session was lost, or was taken away. */
  'subscription:refused': [ChannelEvent];
  /** Messages are lost: the server does not keep them so long. */
  'replay:gap': [ChannelEvent];
};

export class BaseClient extends Emitter<ClientEvents> {
  /** The endpoint. */
  readonly endpoint: URL;
  #session: Session;
  #channels = new Channels();
  #extensions = new Extensions();
  #headers: Record<string, string>;
  #connected = new Deferrable();
  #watch: () => () => void;
  #unwatch: (() => void) | undefined;

  constructor(endpoint: string | URL, options: ClientOptions, environment: Environment) {
    super();
    const resolved = sessionOptions(options);
    const parse = (url: string | URL): URL => new URL(String(url), environment.base);
    this.endpoint = parse(endpoint);
    const endpoints = Object.fromEntries(
      Object.entries(options.endpoints ?? {}).map(([type, url]) => [type, parse(url)]));
    const features: Feature[] = [];
    if (options.token !== undefined) features.push(new Token(options.token));
    if (options.ack) features.push(new Ack());
    if (options.replay) {
      features.push(new Replay(options.replay, (channel, error) => this.emit('replay:gap', { channel, error })));
    }
    const settings = environment.settings(options);
    this.#headers = settings.headers;
    this.#session = new Session(environment.kinds(options, this.endpoint), (type) => endpoints[type] ?? this.endpoint,
      settings, resolved, new Pipeline(this.#extensions, features), this.#listen());
    this.#watch = () => environment.watch({
      wake: () => this.#session.wake(),
      doubt: () => this.#session.doubt(),
      leave: () => {
        if (!this.#session.dispatcher.selector.isDisabled('autodisconnect')) this.#session.leave();
      },
    });
    log('info', 'New client created for ?', this.endpoint.href);
  }

  #listen(): SessionListener {
    return {
      report: (event) => this.emit('connection', event),
      up: () => this.emit('transport:up'),
      down: () => this.emit('transport:down'),
      starts: () => {
        this.#unwatch ??= this.#watch();
      },
      began: () => {
        this.#channels.forget();
        for (const channel of this.#channels.all()) this.#ask(channel);
        this.#connected.setDeferredStatus('succeeded');
      },
      ended: (error) => {
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#channels.reject(error);
        this.#connected.setDeferredStatus('failed', error);
      },
      deliver: (message) => this.#channels.deliver(message),
      refused: (message) => this.#takenAway(message),
    };
  }

  get state(): ConnectionState {
    return this.#session.state;
  }

  /** The connection type in use. */
  get transport(): string | undefined {
    return this.#session.transport;
  }

  get clientId(): string | undefined {
    return this.#session.clientId;
  }

  /** Shakes hands; `callback` is called once there is a session. */
  handshake(callback?: () => void, context?: unknown): void {
    this.connect(callback, context);
  }

  /** Connects, also again after `disconnect`; `callback` is called once there is a session. */
  connect(callback?: () => void, context?: unknown): void {
    if (this.#connected.isSettled && this.#session.phase !== 'connected') this.#connected = new Deferrable();
    this.#session.restart();
    if (callback) this.#session.whenConnected(() => callback.call(context), () => {}, true);
  }

  /** As on a promise that resolves when there is a session. */
  then<Result = void, Failure = never>(
    resolved?: (() => Result | PromiseLike<Result>) | null,
    rejected?: ((error: any) => Failure | PromiseLike<Failure>) | null,
  ): Promise<Result | Failure> {
    return this.#connected.then(resolved, rejected);
  }

  callback(callback: () => void, context?: unknown): void {
    this.#connected.callback(callback, context);
  }

  errback(callback: (error: any) => void, context?: unknown): void {
    this.#connected.errback(callback, context);
  }

  timeout(seconds: number, reason?: unknown): void {
    this.#connected.timeout(seconds, reason);
  }

  setDeferredStatus(status: DeferredStatus, reason?: unknown): void {
    this.#connected.setDeferredStatus(status, reason);
  }

  /** Ends the session. What was sent before is answered first; what is still open after that is rejected. */
  disconnect(): Publication {
    const publication = new Publication();
    this.#session.disconnect((error) => {
      this.#channels.clear(failure('The client was disconnected'));
      publication.setDeferredStatus(error ? 'failed' : 'succeeded', error);
    });
    return publication;
  }

  subscribe<Data = any>(channel: string, callback?: (data: Data) => void, context?: unknown): Subscription<Data>;
  subscribe<Data = any>(channels: string[], callback?: (data: Data) => void, context?: unknown): Subscription<Data>[];
  subscribe(
    channel: string | string[],
    callback?: (data: any) => void,
    context?: unknown,
  ): Subscription | Subscription[] {
    if (Array.isArray(channel)) return channel.map((each) => this.subscribe(each, callback, context));
    const subscription = new Subscription(channel, callback, context, (each) => this.unsubscribe(channel, each));
    if (this.#session.isOver) {
      subscription.setDeferredStatus('failed', failure('The client is disconnected'));
      return subscription;
    }
    const entry = this.#channels.add(subscription);
    if (entry.standing === 'agreed') subscription.setDeferredStatus('succeeded');
    else if (entry.standing === 'unknown' && this.#session.phase === 'connected') this.#ask(entry);
    else this.#session.start();
    return subscription;
  }

  #ask(channel: Channel, isSecond = false): void {
    channel.standing = 'asked';
    const message: Message = { channel: SUBSCRIBE, clientId: this.clientId!, subscription: channel.name };
    this.#session.transmit(message, {}, (reply, error) => {
      // Nobody listens any more, or the next session asks again.
      if (this.#channels.get(channel.name) !== channel || (reply && this.#session.phase !== 'connected')) return;
      if (reply?.successful) return this.#channels.agree(channel);
      if (reply && !isSecond && this.#session.mayRetry(message, reply)) return this.#ask(channel, true);
      this.#refuse(channel, error ?? parseError(reply?.error));
    });
  }

  #refuse(channel: Channel, error: FayeError): void {
    log('info', 'Subscription to ? was refused: ?', channel.name, error.message);
    if (this.#channels.refuse(channel, error)) this.emit('subscription:refused', { channel: channel.name, error });
  }

  /** The server took a subscription away, for example because its token expired. */
  #takenAway(message: Message): void {
    for (const name of [message.subscription ?? []].flat()) {
      const channel = this.#channels.get(name);
      if (!channel || channel.standing !== 'agreed') continue;
      if (this.#session.mayRetry(message, message)) this.#ask(channel, true);
      else this.#refuse(channel, parseError(message.error));
    }
  }

  /** Ends one subscription of a channel, or all. */
  unsubscribe(channel: string | string[], subscription?: Subscription): void {
    if (Array.isArray(channel)) return channel.forEach((each) => this.unsubscribe(each, subscription));
    const left = this.#channels.remove(channel, subscription);
    if (!left || left.standing === 'unknown' || this.#session.phase !== 'connected') return;
    this.#session.transmit({ channel: UNSUBSCRIBE, clientId: this.clientId!, subscription: channel }, {}, () => {});
  }

  publish(channel: string, data: unknown, options: PublishOptions = {}): Publication {
    checkOptions(options, ['attempts', 'deadline']);
    return publish(this.#session, { channel, data }, options);
  }

  /** Publishes a message with whatever fields it has. */
  publishMessage(message: Message): Publication {
    return publish(this.#session, message, {});
  }

  /** Looks at once whether the server is there. The client does so by itself when the network or the page comes back. */
  wake(): void {
    this.#session.wake();
  }

  /** Messages that `act` sends leave together. */
  batch(act: () => void, context?: unknown): void {
    this.#session.dispatcher.batch(() => act.call(context));
  }

  /** Does without a connection type, or without the disconnect when the page is left (`autodisconnect`). */
  disable(feature: string): void {
    this.#session.dispatcher.selector.disable(feature);
  }

  /** Sends a header with every request that can carry one. */
  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  addExtension(extension: Extension): void {
    this.#extensions.add(extension, this);
  }

  removeExtension(extension: Extension): void {
    this.#extensions.remove(extension, this);
  }

  /** As Faye has it; compression is left to the platform's WebSocket. */
  addWebsocketExtension(_extension: unknown): void {}
}

/** Faye's constants, on every client. */
export const CONSTANTS = {
  UNCONNECTED: 1,
  CONNECTING: 2,
  CONNECTED: 3,
  DISCONNECTED: 4,
  HANDSHAKE: 'handshake',
  RETRY: 'retry',
  NONE: 'none',
  CONNECTION_TIMEOUT: 60,
  DEFAULT_ENDPOINT: '/bayeux',
  INTERVAL: 0,
} as const;

export interface BaseClient extends Readonly<typeof CONSTANTS> {}
Object.assign(BaseClient.prototype, CONSTANTS);
