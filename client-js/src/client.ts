/**
 * The client's public API: that of Faye's client, and additions. The session implements the protocol.
 */

import { Awaitable } from './awaitable.js';
import type { ConnectionState } from './connection.js';
import { CONSTANTS } from './constants.js';
import type { Environment } from './environment.js';
import { failure } from './error.js';
import { type ClientEvents, EVENTS } from './events.js';
import { type Extension, Extensions } from './extensible.js';
import type { Feature as MessageFeature } from './feature.js';
import { featuresOf, saveAll } from './features.js';
import { leave } from './leave.js';
import type { SessionListener } from './listeners.js';
import { checkName, log } from './logger.js';
import type { Message } from './message.js';
import { type ClientOptions, checkOptions, endpointsOf, FEATURES, type Feature, sessionOptions } from './options.js';
import { Pipeline } from './pipeline.js';
import { Publication, type PublishOptions } from './publication.js';
import { publish } from './publish.js';
import { Session } from './session.js';
import { Subscriber } from './subscribe.js';
import { type SubscribeOptions, Subscription } from './subscription.js';
import type { Address } from './transport/transport.js';

/** The API of Faye's client, and additions. Each platform has a `Client` class that extends it. */
export class BaseClient extends Awaitable<ClientEvents> {
  #extensions = new Extensions();
  #headers: Record<string, string>;
  #farewell: ((message: Message) => void) | undefined;
  #make: () => Session;
  #made: { session: Session; subscriber: Subscriber } | undefined;
  #features: MessageFeature[];
  #watch: () => () => void;
  #unwatch: (() => void) | undefined;

  /** Used by the platforms' `Client` classes. */
  constructor(endpoint: string | URL, given: ClientOptions | null | undefined, environment: Environment) {
    super(EVENTS);
    // A copy, because options are read later.
    const options = { ...given };
    const address = String(endpoint);
    const addresses = endpointsOf(options);
    const resolved = sessionOptions(options);
    const settings = environment.settings(options);
    this.#headers = settings.headers;
    const features = this.#features = featuresOf(options, address, (channel, error) => this.emit('replay:gap', { channel, error }));
    // Deferred: a component that is rendered on a server creates a client and does not use it there.
    this.#make = () => {
      const main = environment.resolve(address);
      this.#farewell = (message) => environment.beacon?.(main, message);
      const endpointFor = (type: string): Address => environment.resolve(addresses[type] ?? address);
      const reach = { kinds: environment.kinds(options, main), endpointFor, settings };
      return new Session(reach, resolved, new Pipeline(this.#extensions, features), this.#listen());
    };
    this.#watch = () => environment.watch({
      wake: () => this.wake(),
      doubt: () => this.#session.dispatcher.selector.check(),
      hide: () => saveAll(features),
      leave: () => leave(this.#session, this.#farewell),
    });
    log('info', 'New client created for ?', address);
  }

  get #parts(): { session: Session; subscriber: Subscriber } {
    if (!this.#made) {
      const session = this.#make();
      this.#made = { session, subscriber: new Subscriber(session, (channel, error) => this.emit('subscription:refused', { channel, error })) };
    }
    return this.#made;
  }

  get #session(): Session {
    return this.#parts.session;
  }

  get #subscriber(): Subscriber {
    return this.#parts.subscriber;
  }

  #listen(): SessionListener {
    return {
      report: (event) => this.emit('connection', event),
      up: () => this.emit('transport:up'),
      down: () => this.emit('transport:down'),
      starts: () => void (this.#unwatch ??= this.#watch()),
      began: () => {
        this.#subscriber.renew();
        this.setDeferredStatus('succeeded');
      },
      ended: (error) => {
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#subscriber.channels.reject(error);
        saveAll(this.#features);
        this.setDeferredStatus('failed', error);
      },
      deliver: (message) => this.#subscriber.channels.deliver(message),
      refused: (message) => this.#subscriber.takenAway(message),
    };
  }

  /** Prevents frameworks from wrapping the client as a plain object, which would break its private members. */
  get [Symbol.toStringTag](): string {
    return 'Faye.Client';
  }

  /**
   * The state of the connection: `unconnected` before the first use, `connecting`, `connected`, `interrupted` while the
   * client retries, and `disconnected` after `disconnect` or when the server advises clients to stop. The event `connection`
   * reports changes.
   */
  get state(): ConnectionState {
    return this.#made?.session.state ?? 'unconnected';
  }

  /** The connection type in use, such as `websocket`; undefined without one. */
  get transport(): string | undefined {
    return this.#made?.session.transport;
  }

  /**
   * The identifier of the session; undefined without one. It gives access to the session: do not show or log it.
   */
  get clientId(): string | undefined {
    return this.#made?.session.clientId;
  }

  /** Starts a session and calls `callback` once it exists. */
  handshake(callback?: () => void, context?: unknown): void {
    this.connect(callback, context);
  }

  /** Connects, also after `disconnect`, and calls `callback` once the client has a session. */
  connect(callback?: () => void, context?: unknown): void {
    if (this.#session.phase !== 'connected') this.awaitConnection();
    this.#session.restart();
    // Always later, as with Faye.
    const call = (): void => void Promise.resolve().then(() => callback!.call(context));
    if (callback) this.#session.whenConnected(call, () => {}, true);
  }

  /** Ends the session after the replies to earlier messages. Promises that are still pending then reject. */
  disconnect(): Publication {
    const publication = new Publication();
    this.#subscriber.channels.clear(failure('The client is disconnected'));
    this.#session.disconnect((error) => (error ? publication.spoil(error) : publication.succeed()));
    return publication;
  }

  /**
   * Subscribes to a channel or a pattern: `/chat/*` matches one more segment, `/chat/**` one or more. Connects if needed.
   *
   * @param callback called with the data of each message.
   * @param context `this` of the callback.
   * @param options where the subscription begins, for the first listener of a channel.
   * @returns a promise that resolves when the server accepts the subscription and rejects with a `FayeError` when it refuses;
   *   it can be cancelled. After the loss of a session the client subscribes again automatically.
   * @throws FayeError if `callback` is not a function.
   */
  subscribe<Data = any>(
    channel: string, callback?: (data: Data) => void, context?: unknown, options?: SubscribeOptions | null,
  ): Subscription<Data>;
  /** Subscribes to several channels or patterns, with the same parameters. Returns one subscription for each channel. */
  subscribe<Data = any>(
    channels: string[], callback?: (data: Data) => void, context?: unknown, options?: SubscribeOptions | null,
  ): Subscription<Data>[];
  subscribe(
    channel: string | string[], callback?: (data: any) => void, context?: unknown, options?: SubscribeOptions | null,
  ): Subscription | Subscription[] {
    if (Array.isArray(channel)) return channel.map((each) => this.subscribe(each, callback, context, options));
    if (callback && typeof callback !== 'function') throw failure('Not a function: callback');
    checkOptions(options ?? {}, { replay: '' });
    for (const feature of this.#features) feature.start?.(channel, options?.replay);
    const subscription = new Subscription(channel, callback, context, (each) => this.unsubscribe(channel, each));
    this.#subscriber.add(subscription);
    return subscription;
  }

  /** Ends one subscription to a channel, or all of them. */
  unsubscribe(channel: string | string[], subscription?: Subscription): void {
    for (const each of [channel].flat()) this.#subscriber.remove(each, subscription);
  }

  /**
   * Publishes a message. Connects if needed, and waits for the connection.
   *
   * @param data any value that JSON can represent. The call copies it, so later changes have no effect.
   * @param options limits for this message; without them the client sends it until the server replies.
   * @returns a promise that resolves when the server accepts the message. It rejects with a `FayeError` when the server
   *   refuses it, when a limit is reached, when the client is disconnected, or immediately if JSON cannot represent `data`.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  publish(channel: string, data: unknown, options?: PublishOptions | null): Publication {
    checkOptions(options ?? {}, { attempts: 0, deadline: 0 });
    return publish(this.#session, { channel, data }, options ?? {});
  }

  /** Publishes a message with all its fields. */
  publishMessage(message: Message): Publication {
    return publish(this.#session, message, {});
  }

  /** Checks the connection immediately. The client does so itself when the network or the page returns. */
  wake(): void {
    this.#session.dispatcher.wake();
  }

  /** Sends the messages of `act` together. */
  batch(act: () => void, context?: unknown): void {
    this.#session.dispatcher.batch(() => act.call(context));
  }

  /** Switches off a connection type, the shared connection, or the disconnect when the page is left (`autodisconnect`). */
  disable(feature: Feature): void {
    checkName('feature', feature, FEATURES);
    const { selector } = this.#session.dispatcher;
    selector.disable(feature);
    const isStarted = this.state !== 'unconnected' && this.state !== 'disconnected';
    if (isStarted && selector.types().length === 0) this.#session.end(failure('No transport can be used'));
  }

  /** Sets a header for all requests. A browser cannot send it with WebSockets, EventSource and JSON-P. */
  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  /**
   * Appends an extension, which sees each outgoing and incoming message and may change, delay or drop it. It sees an outgoing
   * message once, even if the client sends it several times.
   */
  addExtension(extension: Extension): void {
    this.#extensions.add(extension, this);
  }

  /** Removes an extension. Does nothing if it was not added before. */
  removeExtension(extension: Extension): void {
    this.#extensions.remove(extension, this);
  }

  /** Does nothing, for compatibility with Faye; compression is left to the platform's WebSocket. */
  addWebsocketExtension(_extension: unknown): void {}
}

/** The constants of Faye's client. */
export interface BaseClient extends Readonly<typeof CONSTANTS> {}
Object.assign(BaseClient.prototype, CONSTANTS);
