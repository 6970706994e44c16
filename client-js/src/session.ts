/**
 * The session with the server: shakes hands, keeps a connect under way, follows advice, and begins anew when the
 * server has forgotten us. It does not know what the application subscribed to.
 */

import { Advised, fateOf } from './advice.js';
import { Backoff } from './backoff.js';
import type { Candidate } from './candidate.js';
import { CONNECT, DISCONNECT, HANDSHAKE, isMeta, SUBSCRIBE } from './channel.js';
import { later, type Timer } from './clock.js';
import type { ConnectionState } from './connection.js';
import { Connects } from './connects.js';
import { Dispatcher } from './dispatcher.js';
import type { Settle } from './envelope.js';
import { type FayeError, failure, parseError } from './error.js';
import { Farewell } from './farewell.js';
import type { DispatcherListener, SessionListener } from './listeners.js';
import { log } from './logger.js';
import type { Message } from './message.js';
import type { Pipeline, Wishes } from './pipeline.js';
import type { SessionOptions } from './options.js';
import type { Reach } from './transport/transport.js';
import { Waiting } from './waiting.js';

export class Session implements DispatcherListener {
  declare readonly dispatcher: Dispatcher;
  phase: 'unconnected' | 'connecting' | 'connected' | 'disconnected' = 'unconnected';
  #listener: SessionListener;
  #connects: Connects;
  #advised: Advised;
  #waiting = new Waiting();
  #farewell = new Farewell();
  /** Handshakes refused, and sessions lost before they were of use, in a row. The first loss costs no time. */
  #refusals: Backoff;
  #losses: Backoff;
  #hasBegun = false;
  /** Counts the ends, so that what belongs to an earlier time is known. */
  #ends = 0;
  #timer: Timer | undefined;

  constructor(reach: Reach, options: SessionOptions, readonly pipeline: Pipeline, listener: SessionListener) {
    this.#refusals = new Backoff(options, 0);
    this.#losses = new Backoff(options, 1);
    this.#listener = listener;
    this.#advised = new Advised(options);
    this.dispatcher = new Dispatcher(reach, options, this);
    this.#connects = new Connects(this.dispatcher, options, this.#advised,
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

  /** Whether the server is being told that we go. */
  get isEnding(): boolean {
    return this.#farewell.isBegun;
  }

  /** Whether it was ended and is not to begin again. */
  get isOver(): boolean {
    return this.isEnding ? !this.#farewell.next : this.phase === 'disconnected';
  }

  report(reason: string, error?: FayeError, retryIn?: number): void {
    log('info', '?: ?', this.state, reason);
    this.#listener.report({ state: this.state, reason, transport: this.transport, error, retryIn });
  }

  /** Runs at once in a session, else begins one and waits for it. */
  whenConnected(run: () => void, fail: (error: FayeError) => void, isLasting: boolean): void {
    if (this.isOver) return fail(failure('The client is disconnected'));
    if (this.phase === 'connected' && !this.isEnding) return run();
    (this.#farewell.next ?? this.#waiting).add({ run, fail, isLasting });
    this.start();
  }

  /** Shakes hands unless that was done, is under way, or waits for its time. */
  start(): void {
    if (this.phase !== 'unconnected' || this.#timer) return;
    this.phase = 'connecting';
    this.#listener.starts();
    const { selector } = this.dispatcher;
    const types = selector.types();
    if (types.length === 0) return this.end(failure('No transport can be used'));
    this.report('Shaking hands');
    selector.begin();
    const ends = this.#ends;
    this.transmit({ channel: HANDSHAKE, version: '1.0', supportedConnectionTypes: types }, {}, (reply, error) => {
      if (this.phase !== 'connecting' || this.#ends !== ends) return;
      if (reply?.successful && reply.clientId) this.#accepted(reply);
      else this.#refused(reply, error ?? failure('No clientId'));
    });
  }

  /** Begins again after the end. */
  restart(): void {
    if (this.isEnding) this.#farewell.next ??= new Waiting();
    if (this.phase === 'disconnected') this.phase = 'unconnected';
    this.start();
  }

  #accepted(reply: Message): void {
    this.#refusals.reset();
    this.#hasBegun = true;
    const offered = reply.supportedConnectionTypes;
    this.dispatcher.selector.begin(reply.clientId, Array.isArray(offered) ? offered : [this.transport ?? '']);
    this.phase = 'connected';
    this.dispatcher.renewed();
    this.#connects.cycle();
    this.#listener.began();
    this.#waiting.runAll();
    this.report('The server accepted the session');
  }

  #refused(reply: Message | undefined, error: FayeError): void {
    this.phase = 'unconnected';
    if (reply && this.pipeline.mayRetry(reply, error)) return this.start();
    if (reply?.advice?.reconnect === 'none') return this.end(error);
    const delay = Math.max(this.#refusals.next(), Number(reply?.advice?.interval) || 0);
    this.#later(delay);
    this.report('The server refused the session', error, delay);
    this.#waiting.fail(error, false);
  }

  #later(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = later(() => {
      this.#timer = undefined;
      this.start();
    }, delay);
  }

  /** Sends a message. `settle` is called with its reply, or with what went wrong. Gives the id. */
  transmit(message: Message, wishes: Wishes, settle: Settle): string {
    const timeout = this.#advised.replyTime();
    const ends = this.#ends;
    const isWanted = (): boolean => this.#ends === ends && wishes.isWanted?.() !== false;
    return this.pipeline.send(message, { ...wishes, timeout, isWanted }, this.dispatcher, settle);
  }

  received(message: Message, settle: Settle | undefined): void {
    this.pipeline.receive(message, (passed) => {
      if (!passed) return settle?.(undefined, failure('An extension dropped the message'));
      if (settle || passed.data === undefined || isMeta(passed)) this.#heed(passed);
      else if (passed.channel) {
        this.#connects.hasHeard = true;
        this.#listener.deliver(passed);
      }
      if (settle) settle(passed, passed.successful ? undefined : parseError(passed.error));
      else if (passed.channel === SUBSCRIBE && passed.successful === false) this.#listener.refused(passed);
    });
  }

  /** What a reply says about the session itself. */
  #heed(reply: Message): void {
    const { channel, successful, advice } = reply;
    this.#advised.heed(reply);
    if (this.phase !== 'connected' || channel === HANDSHAKE || channel === DISCONNECT) return;
    if (channel === CONNECT && successful) this.#losses.reset();
    const fate = fateOf(reply, this.clientId!);
    const error = successful ? failure('The server ended the session') : parseError(reply.error);
    if (fate === 'over') this.end(error);
    else if (fate) this.lost(error, Number(advice?.interval) || 0);
  }

  /** The server has forgotten the session: shakes hands again, after so many milliseconds. */
  lost(error: FayeError, delay = 0): void {
    if (this.phase !== 'connected') return;
    if (this.isEnding) return this.#farewell.end();
    this.phase = 'unconnected';
    this.#connects.stop();
    this.dispatcher.outbox.forget(isMeta);
    this.dispatcher.selector.begin();
    this.#advised.forget();
    const wait = Math.max(this.#losses.next(), delay);
    this.#later(wait);
    this.report('The session was lost', error, wait);
  }

  switched(): void {
    if (this.phase !== 'connected') return;
    if (this.dispatcher.isUp) this.report(`Messages use ${this.transport}`);
    this.#connects.cycle();
  }

  up(): void {
    this.#listener.up();
    if (this.phase === 'connected') this.report('The server answers again');
  }

  down(error: FayeError, retryIn: number, isFirst: boolean, failed: Candidate | undefined): void {
    // Servers may end a socket before their reply to a disconnect has arrived.
    if (failed?.kind.isSocket && this.dispatcher.outbox.carrier(this.#farewell.id)) return this.#farewell.end();
    if (isFirst) this.#listener.down();
    this.report(error.message, error, retryIn);
  }

  /** Tells the server, unless it does not answer and there is nothing to wait for. */
  disconnect(done: (error?: FayeError) => void): void {
    const over = failure('The client is disconnected');
    this.#farewell.takeNext()?.fail(over, true);
    if (this.isOver) return done();
    this.#farewell.begin((error) => {
      done(error);
      if (this.phase !== 'disconnected') this.end(over);
    });
    const say = (): void => {
      const clientId = this.clientId!;
      this.#connects.isOver = true;
      this.#farewell.id = this.transmit({ channel: DISCONNECT, clientId }, {}, (reply, error) => {
        this.#farewell.end(reply && fateOf(reply, clientId) === 'lost' ? undefined : error);
      });
    };
    const { isUp, outbox } = this.dispatcher;
    const fail = (): void => this.#farewell.end(this.clientId ? failure('The server does not answer') : undefined);
    if ((isUp === false || this.phase === 'unconnected') && this.#waiting.isEmpty && outbox.isEmpty) fail();
    else if (this.phase === 'connected') say();
    else this.#waiting.add({ run: say, fail, isLasting: false });
  }

  /** It is over, until it is begun again. */
  end(error: FayeError): void {
    this.phase = 'disconnected';
    this.#ends += 1;
    this.#hasBegun = false;
    this.#connects.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.dispatcher.selector.close();
    this.#waiting.fail(error, true);
    this.dispatcher.clear(error);
    this.#listener.ended(error);
    const next = this.#farewell.takeNext();
    this.#farewell.end();
    this.report(error.message, error);
    if (next) this.#waiting = next;
    if (next) this.restart();
  }
}
