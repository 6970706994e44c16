/**
 * The client as applications see it: Faye's API, and what it lacked. What happens on the wire is the session's.
 */

import { Awaitable } from './awaitable.js';
import type { ConnectionState } from './connection.js';
import { CONSTANTS } from './constants.js';
import type { Environment } from './environment.js';
import { failure } from './error.js';
import { type ClientEvents, EVENTS } from './events.js';
import { type Extension, Extensions } from './extensible.js';
import { featuresOf } from './features.js';
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
import { Subscription } from './subscription.js';
import type { Address } from './transport/transport.js';

/** A client: Faye's API, and what it lacked. Each platform has a `Client` that extends it. */
export class BaseClient extends Awaitable<ClientEvents> {
  #extensions = new Extensions();
  #headers: Record<string, string>;
  #farewell: ((message: Message) => void) | undefined;
  #make: () => Session;
  #made: { session: Session; subscriber: Subscriber } | undefined;
  #watch: () => () => void;
  #unwatch: (() => void) | undefined;

  /** For the entries of the platforms; applications use their `Client`. */
  constructor(endpoint: string | URL, given: ClientOptions | null | undefined, environment: Environment) {
    super(EVENTS);
    // Copies, because they are read later.
    const options = { ...given };
    const address = String(endpoint);
    const addresses = endpointsOf(options);
    const resolved = sessionOptions(options);
    const settings = environment.settings(options);
    this.#headers = settings.headers;
    const features = featuresOf(options, (channel, error) => this.emit('replay:gap', { channel, error }));
    // Only now: a component that is rendered on a server makes a client which it does not use there.
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
      starts: () => {
        this.#unwatch ??= this.#watch();
      },
      began: () => {
        this.#subscriber.renew();
        this.setDeferredStatus('succeeded');
      },
      ended: (error) => {
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#subscriber.channels.reject(error);
        this.setDeferredStatus('failed', error);
      },
      deliver: (message) => this.#subscriber.channels.deliver(message),
      refused: (message) => this.#subscriber.takenAway(message),
    };
  }

  /** Frameworks that wrap plain objects leave one alone that says what it is; wrapped it could not work. */
  get [Symbol.toStringTag](): string {
    return 'Faye.Client';
  }

  /**
   * How the connection is: `unconnected` before the first use, `connecting`, `connected`, `interrupted` while the
   * client tries to reach the server again, and `disconnected` after `disconnect` or when the server wants no more
   * connections. Listen to the event `connection` to be told of changes.
   */
  get state(): ConnectionState {
    return this.#made?.session.state ?? 'unconnected';
  }

  /** The connection type in use. */
  get transport(): string | undefined {
    return this.#made?.session.transport;
  }

  /**
   * The identifier of the session, undefined without one. It lets its holder take the session over: do not show or
   * log it.
   */
  get clientId(): string | undefined {
    return this.#made?.session.clientId;
  }

  /** Shakes hands; `callback` is called once there is a session. */
  handshake(callback?: () => void, context?: unknown): void {
    this.connect(callback, context);
  }

  /** Connects, also again after `disconnect`; `callback` is called once there is a session. */
  connect(callback?: () => void, context?: unknown): void {
    if (this.#session.phase !== 'connected') this.awaitConnection();
    this.#session.restart();
    // Always later, as with Faye.
    const call = (): void => void Promise.resolve().then(() => callback!.call(context));
    if (callback) this.#session.whenConnected(call, () => {}, true);
  }

  /** Ends the session. What was sent before is answered first; what is still open after that is rejected. */
  disconnect(): Publication {
    const publication = new Publication();
    this.#subscriber.channels.clear(failure('The client is disconnected'));
    this.#session.disconnect((error) => (error ? publication.spoil(error) : publication.succeed()));
    return publication;
  }

  /**
   * Subscribes to a channel, or to a pattern: `/chat/*` is one level, `/chat/**` all below. Connects if that was not
   * done.
   *
   * @param callback is called with the data of each message.
   * @param context is `this` in the callback.
   * @returns a promise that resolves when the server accepted the subscription and rejects with a `FayeError` when it
   *   refused; it can be cancelled. After the loss of a session the client subscribes again by itself.
   */
  subscribe<Data = any>(channel: string, callback?: (data: Data) => void, context?: unknown): Subscription<Data>;
  /**
   * Subscribes to several channels or patterns.
   *
   * @param callback is called with the data of each message.
   * @param context is `this` in the callback.
   * @returns a subscription for each of them.
   */
  subscribe<Data = any>(channels: string[], callback?: (data: Data) => void, context?: unknown): Subscription<Data>[];
  subscribe(
    channel: string | string[],
    callback?: (data: any) => void,
    context?: unknown,
  ): Subscription | Subscription[] {
    if (Array.isArray(channel)) return channel.map((each) => this.subscribe(each, callback, context));
    if (callback && typeof callback !== 'function') throw failure('Not a function: callback');
    const subscription = new Subscription(channel, callback, context, (each) => this.unsubscribe(channel, each));
    this.#subscriber.add(subscription);
    return subscription;
  }

  /** Ends one subscription of a channel, or all. */
  unsubscribe(channel: string | string[], subscription?: Subscription): void {
    for (const each of [channel].flat()) this.#subscriber.remove(each, subscription);
  }

  /**
   * Publishes a message. Connects if that was not done, and waits for the connection.
   *
   * @param data what JSON can hold. It is copied at the call, so later changes of an object do not count.
   * @param options limits for this message; without them it is sent until the server answers.
   * @returns a promise that resolves when the server accepted the message, and rejects with a `FayeError` when it
   *   refused, when the limits are reached, when the client is disconnected, or at once when `data` cannot be written
   *   as JSON.
   * @throws FayeError for an option that is not known.
   */
  publish(channel: string, data: unknown, options?: PublishOptions | null): Publication {
    checkOptions(options ?? {}, { attempts: 0, deadline: 0 });
    return publish(this.#session, { channel, data }, options ?? {});
  }

  /** Publishes a message with whatever fields it has. */
  publishMessage(message: Message): Publication {
    return publish(this.#session, message, {});
  }

  /** Looks at once whether the server is there. The client does so by itself when the network or the page comes back. */
  wake(): void {
    this.#session.dispatcher.wake();
  }

  /** Messages that `act` sends leave together. */
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

  /** Sends a header with every request that can carry one. */
  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  /**
   * Adds an extension, which sees every message on its way out and in, behind those that were added before. It may
   * change, hold or drop the message, and sees it once, however often it is sent.
   */
  addExtension(extension: Extension): void {
    this.#extensions.add(extension, this);
  }

  /** Removes an extension. Does nothing if it was not added. */
  removeExtension(extension: Extension): void {
    this.#extensions.remove(extension, this);
  }

  /** As Faye has it; compression is left to the platform's WebSocket. */
  addWebsocketExtension(_extension: unknown): void {}
}

/** The constants of Faye's client. */
export interface BaseClient extends Readonly<typeof CONSTANTS> {}
Object.assign(BaseClient.prototype, CONSTANTS);
