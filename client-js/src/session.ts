/**
 * The session with the server: shakes hands, keeps a connect under way, follows advice, and begins anew when the
 * server has forgotten us. It does not know what the application subscribed to.
 */

import { Advised, fateOf } from './advice.js';
import { delayAfter } from './backoff.js';
import { DISCONNECT, HANDSHAKE, SUBSCRIBE } from './channel.js';
import type { ConnectionState } from './connection.js';
import { Connects } from './connects.js';
import { Dispatcher } from './dispatcher.js';
import type { Settle } from './envelope.js';
import { type FayeError, failure, parseError } from './error.js';
import type { DispatcherListener, SessionListener } from './listeners.js';
import { log } from './logger.js';
import type { Message } from './message.js';
import type { Limits, Pipeline } from './pipeline.js';
import type { SessionOptions } from './options.js';
import type { Reach } from './transport/transport.js';
import { Waiting } from './waiting.js';

/** How long to wait for the reply to a disconnect. */
const FAREWELL_SECONDS = 10;

export class Session implements DispatcherListener {
  readonly dispatcher: Dispatcher;
  phase: 'unconnected' | 'connecting' | 'connected' | 'disconnected' = 'unconnected';
  #options: SessionOptions;
  #listener: SessionListener;
  readonly pipeline: Pipeline;
  #connects: Connects;
  #advised: Advised;
  #waiting = new Waiting();
  #refusals = 0;
  #hasBegun = false;
  #isEnding = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ends the wait for the reply to a disconnect, if that was under way. */
  #gone: (() => boolean) | undefined;

  constructor(reach: Reach, options: SessionOptions, pipeline: Pipeline, listener: SessionListener) {
    this.#options = options;
    this.#listener = listener;
    this.pipeline = pipeline;
    this.#advised = new Advised(1000 * options.interval, 1000 * options.timeout);
    this.dispatcher = new Dispatcher(reach, options, this);
    this.#connects = new Connects(this.dispatcher, options.retry, () => this.#advised.interval,
      (message, settle) => this.transmit(message, {}, settle));
  }

  get clientId(): string | undefined {
    return this.dispatcher.selector.clientId;
  }

  get transport(): string | undefined {
    return this.dispatcher.selector.current?.kind.type;
  }

  get state(): ConnectionState {
    if (this.phase === 'connected') return this.dispatcher.isUp === false ? 'interrupted' : 'connected';
    return this.#hasBegun && this.phase !== 'disconnected' ? 'interrupted' : this.phase;
  }

  /** Whether it was ended and is not to begin again by itself. */
  get isOver(): boolean {
    return this.#isEnding || this.phase === 'disconnected';
  }

  report(reason: string, error?: FayeError, retryIn?: number): void {
    this.#listener.report({ state: this.state, reason, transport: this.transport, error, retryIn });
  }

  /** Runs at once in a session, else begins one and waits for it. */
  whenConnected(run: () => void, fail: (error: FayeError) => void, isLasting: boolean): void {
    if (this.isOver) return fail(failure('The client is disconnected'));
    if (this.phase === 'connected') return run();
    this.#waiting.add({ run, fail, isLasting });
    this.start();
  }

  /** Shakes hands unless that was done, is under way, or waits for its time. */
  start(): void {
    if (this.phase !== 'unconnected' || this.#timer) return;
    this.phase = 'connecting';
    this.#listener.starts();
    const { selector } = this.dispatcher;
    const types = selector.types();
    if (types.length === 0) {
      return this.#end(failure('No transport can be used: too much was disabled, or the platform has none'));
    }
    this.report('Shaking hands');
    selector.begin(undefined, undefined);
    this.transmit({ channel: HANDSHAKE, version: '1.0', supportedConnectionTypes: types }, {}, (reply, error) => {
      if (reply?.successful && reply.clientId) this.#accepted(reply);
      else if (this.phase === 'connecting') this.#refused(reply, error ?? parseError(reply?.error));
    });
  }

  /** Begins again after the end. */
  restart(): void {
    if (this.phase === 'disconnected') this.phase = 'unconnected';
    if (!this.#isEnding) this.start();
  }

  #accepted(reply: Message): void {
    log('info', 'Handshake successful: ?', reply.clientId);
    this.#refusals = 0;
    this.#hasBegun = true;
    this.dispatcher.selector.begin(reply.clientId, reply.supportedConnectionTypes ?? [this.transport ?? '']);
    this.phase = 'connected';
    this.report('The server accepted the session');
    this.#connects.cycle();
    this.#listener.began();
    this.#waiting.runAll();
  }

  #refused(reply: Message | undefined, error: FayeError): void {
    this.phase = 'unconnected';
    log('info', 'Handshake unsuccessful: ?', reply?.error ?? error.message);
    if (reply && this.pipeline.mayRetry(reply, error)) return this.start();
    if (reply?.advice?.reconnect === 'none') return this.#end(error);
    this.#refusals += 1;
    const { retry, maxRetry } = this.#options;
    const delay = Math.max(delayAfter(this.#refusals + 1, retry, maxRetry), Number(reply?.advice?.interval) || 0);
    this.#later(delay);
    this.report('The server refused the session', error, delay);
    this.#waiting.fail(error, false);
  }

  #later(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.start();
    }, delay);
  }

  /** Sends a message. `settle` is called with its reply, or with what went wrong. Gives the id. */
  transmit(message: Message, limits: Partial<Limits>, settle: Settle): string {
    const timeout = limits.timeout ?? this.#advised.replyTime(this.#options.retry);
    return this.pipeline.send(message, { ...limits, timeout }, this.dispatcher, settle);
  }

  received(message: Message, settle: Settle | undefined): void {
    this.pipeline.receive(message, (passed) => {
      if (!passed) return settle?.(undefined, failure('An extension dropped the reply'));
      const isReply = settle || passed.channel?.startsWith('/meta/');
      if (!isReply && passed.data !== undefined && passed.channel) {
        this.#connects.hasHeard = true;
        this.#listener.deliver(passed);
      }
      if (isReply) this.#advised.heed(passed);
      if (isReply && passed.channel !== HANDSHAKE && passed.channel !== DISCONNECT) this.#follow(passed);
      if (settle) settle(passed, undefined);
      else if (passed.channel === SUBSCRIBE && passed.successful === false) this.#listener.refused(passed);
    });
  }

  /** What a reply says about the session itself. */
  #follow(reply: Message): void {
    if (this.phase !== 'connected') return;
    const fate = fateOf(reply, this.clientId!);
    if (!fate) return;
    const error = reply.successful ? failure('The server wants it so') : parseError(reply.error);
    if (fate === 'over') this.#end(error);
    else this.lost(error, Number(reply.advice?.interval) || 0);
  }

  /** The server has forgotten the session: shakes hands again, after so many milliseconds. */
  lost(error: FayeError, delay = 0): void {
    if (this.phase !== 'connected') return;
    if (this.#isEnding) return this.#end(failure('The client was disconnected'));
    this.phase = 'unconnected';
    this.#connects.stop();
    this.dispatcher.forget(({ channel }) => channel.startsWith('/meta/'));
    this.dispatcher.selector.begin(undefined, undefined);
    this.#advised.interval = 1000 * this.#options.interval;
    this.#later(delay);
    this.report('The session was lost', error, delay);
  }

  switched(): void {
    if (this.phase !== 'connected') return;
    if (this.dispatcher.isUp) this.report(`Messages go over ${this.transport}`);
    this.#connects.cycle();
  }

  up(): void {
    this.#listener.up();
    if (this.phase === 'connected' && this.#hasBegun) this.report('The server answers again');
  }

  down(error: FayeError, retryIn: number, isFirst: boolean): void {
    // Servers may end a socket before their reply to a disconnect has arrived.
    if (this.#gone?.()) return;
    if (isFirst) this.#listener.down();
    this.report(error.message, error, retryIn);
  }

  /** Tells the server that we go. */
  disconnect(done: (error: FayeError | undefined) => void): void {
    if (this.isOver) return done(undefined);
    const finish = (error: FayeError | undefined): void => {
      clearTimeout(timer);
      done(error);
      if (this.phase !== 'disconnected') this.#end(failure('The client was disconnected'));
    };
    const timer = setTimeout(() => finish(failure('The server did not answer')), FAREWELL_SECONDS * 1000);
    if (this.phase === 'unconnected' && this.#waiting.isEmpty) return finish(undefined);
    const say = (): void => {
      this.#isEnding = true;
      const id = this.transmit({ channel: DISCONNECT, clientId: this.clientId! }, {}, (reply, error) => {
        const isUnknown = reply && fateOf(reply, this.clientId!) === 'lost';
        finish(reply && !reply.successful && !isUnknown ? parseError(reply.error) : error);
      });
      this.#gone = () => {
        const wasUnderWay = this.dispatcher.carrier(id) !== undefined;
        if (wasUnderWay) finish(undefined);
        return wasUnderWay;
      };
    };
    this.whenConnected(say, () => finish(undefined), false);
    this.#isEnding = true;
  }

  /** As the page goes away: one message, and nobody waits. */
  leave(): void {
    const { clientId, current } = this.dispatcher.selector;
    if (this.phase !== 'connected' || !clientId) return;
    this.pipeline.pass('outgoing', { channel: DISCONNECT, clientId, id: 'bye' }, (passed) => {
      if (passed) current?.transport?.farewell?.(passed);
    });
    this.#end(failure('The page was left'));
  }

  #end(error: FayeError): void {
    this.phase = 'disconnected';
    this.#isEnding = this.#hasBegun = false;
    this.#gone = undefined;
    this.#connects.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.dispatcher.selector.close();
    this.dispatcher.selector.clientId = undefined;
    this.#waiting.fail(error, true);
    this.dispatcher.clear(error);
    this.#listener.ended(error);
    this.report(error.message, error);
  }
}
