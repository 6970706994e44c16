/**
 * Sends messages until each is answered or given up: keeps their order, gives each a deadline for its reply, and
 * waits longer after each failure. It knows when there is a session, but not what the messages mean.
 */

import { delayAfter } from './backoff.js';
import type { Candidate } from './candidate.js';
import { CONNECT, HANDSHAKE } from './channel.js';
import { later, type Timer } from './clock.js';
import { Early } from './early.js';
import { enclose, type Envelope, isConnect, type Settle, stamp } from './envelope.js';
import { FayeError, failure } from './error.js';
import type { DispatcherListener, SelectorListener } from './listeners.js';
import type { Message } from './message.js';
import type { SessionOptions } from './options.js';
import type { Limits } from './pipeline.js';
import { MOST, Outbox } from './outbox.js';
import { Schedule } from './schedule.js';
import { Selector } from './selector.js';
import type { Reach, Transport } from './transport/transport.js';

/** How long requests of a lost session may go on in the next one. */
const OLD_REQUESTS = 3_000;

export class Dispatcher implements SelectorListener {
  declare readonly selector: Selector;
  #options: SessionOptions;
  #listener: DispatcherListener;
  readonly outbox = new Outbox();
  #failures = 0;
  #pause: Timer | undefined;
  #old: Timer | undefined;
  #isFlushing = false;
  #held = 0;
  declare isUp: boolean | undefined;
  /** Whether another has told that the server is away: replies of that other say nothing then. */
  #isRelayed = false;
  #early = new Early((message) => this.#receive(message), () => this.outbox.waitNoLonger());

  constructor(reach: Reach, options: SessionOptions, listener: DispatcherListener) {
    this.#options = options;
    this.#listener = listener;
    this.selector = new Selector(reach, this);
  }

  /** Sends a message with an id. */
  send(message: Message, limits: Limits, settle: Settle): void {
    const { scheduler, retry } = this.#options;
    this.outbox.add(enclose(message, new Schedule(scheduler, message, { ...limits, interval: retry }), settle));
    this.flush();
  }

  /** Gives up everything. */
  clear(error: FayeError): void {
    clearTimeout(this.#pause);
    clearTimeout(this.#old);
    this.#early.release();
    this.#pause = this.isUp = undefined;
    this.#failures = 0;
    for (const envelope of this.outbox.all()) this.outbox.fail(envelope, error);
  }

  /** Messages that `act` sends leave together. */
  batch(act: () => void): void {
    this.#held += 1;
    try {
      act();
    } finally {
      this.#held -= 1;
      this.flush();
    }
  }

  /** Sends what waits, at the end of the current work so that what is sent together leaves together. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    void Promise.resolve().then(() => {
      this.#isFlushing = false;
      if (this.#held === 0 && !this.#pause) this.#flushNow();
    });
  }

  #flushNow(): void {
    const { current, clientId } = this.selector;
    if (!current?.transport) return;
    const { transport } = current;
    const sendable = this.outbox.sendable(transport, clientId);
    if (sendable.length === 0) return;
    for (const envelope of sendable) stamp(envelope, current, this.selector.clientId, Boolean(this.isUp));
    const taken = new Set(transport.send(sendable.map(({ message }) => message)));
    // The rest may follow in another request.
    if (taken.size > 0 && (taken.size < sendable.length || taken.size === MOST)) this.flush();
    for (const envelope of sendable) {
      if (!taken.has(envelope.message)) continue;
      envelope.transport = transport;
      envelope.schedule.tell('send');
      const { timeout } = envelope.schedule;
      envelope.timer = later(() => this.#timedOut(envelope, current, timeout), timeout);
    }
  }

  #timedOut(envelope: Envelope, candidate: Candidate, timeout: number): void {
    const { transport, message } = envelope;
    if (envelope.isRetired) return void this.outbox.drop(envelope);
    const error = failure(`No reply to ${message.channel} within ${Math.round(timeout / 1000)} s`);
    if (candidate.kind.isSocket && candidate.transport === transport) return this.selector.fail(candidate, error);
    transport!.cancel(message);
    if (candidate === this.selector.current) this.failed(candidate, transport!, [message], error);
    else this.moved(transport!, [message]);
  }

  switched(): void {
    this.#listener.switched();
    this.flush();
  }

  readonly ready = (): void => this.flush();

  received(transport: Transport, messages: Message[]): void {
    // What the connect on the transport before this one brings was sent before.
    const isNew = transport === this.selector.current?.transport;
    // But where the new connect is answered first, the server took the old one for the newer: it comes behind.
    if (isNew && messages.some((message) => isConnect(message) && message.successful !== undefined)) {
      this.outbox.waitNoLonger();
      this.#early.release();
    }
    const isEarly = isNew && this.outbox.isElsewhere(transport, isConnect);
    for (const message of messages) {
      if (isEarly && message.successful === undefined) this.#early.keep(message);
      else this.#receive(message);
    }
    if (!this.outbox.isElsewhere(this.selector.current?.transport ?? transport, isConnect)) this.#early.release();
    this.flush();
  }

  #receive(message: Message): void {
    const isReply = message.successful !== undefined;
    let envelope = isReply ? this.outbox.get(message.id) : undefined;
    if (envelope?.message.channel !== message.channel) envelope = undefined;
    if (envelope && this.outbox.goesOn(envelope, message)) envelope = undefined;
    envelope?.schedule.tell('succeed');
    const settle = envelope && this.outbox.end(envelope);
    if (isReply) this.#failures = 0;
    if (!this.#isRelayed) this.#setUp();
    this.#listener.received(message, settle);
  }

  #setUp(): void {
    if (this.isUp) return;
    this.isUp = true;
    this.#listener.up();
  }

  /** A socket is open, and the server has answered over it. */
  answered(): void {
    this.#failures = 0;
    this.#setUp();
    if (this.#pause) this.retry();
  }

  failed(candidate: Candidate, transport: Transport, messages: Message[] | undefined, error: FayeError): void {
    if (error.code === 413) this.outbox.refuseLargest(this.outbox.carriedBy(transport, messages), error);
    const affected = this.outbox.carriedBy(transport, messages);
    this.#down(candidate, error, affected);
    for (const envelope of affected) this.outbox.wait(envelope);
  }

  moved(transport: Transport, messages: Message[] | undefined): void {
    for (const envelope of this.outbox.carriedBy(transport, messages)) this.outbox.wait(envelope);
    this.flush();
  }

  /** A request that the server did not read: its messages go again one by one, to find the one at fault. */
  refused(messages: Message[], status: number): void {
    const error = new FayeError(status, [], `The server answered ${status}`);
    for (const message of messages) {
      const envelope = this.outbox.get(message.id);
      if (!envelope) continue;
      const isSingle = messages.length === 1;
      if (isSingle && message.channel !== HANDSHAKE && message.channel !== CONNECT) {
        this.outbox.fail(envelope, error);
      } else {
        envelope.isAlone = true;
        if (isSingle) this.#down(this.selector.current, error, [envelope]);
        this.outbox.wait(envelope);
      }
    }
    this.flush();
  }

  relayed(isUp: boolean, error: FayeError | undefined, retryIn: number | undefined): void {
    this.#isRelayed = !isUp;
    if (isUp) return this.#setUp();
    const wasUp = this.isUp !== false;
    this.isUp = false;
    this.#listener.down(error ?? failure('The server does not answer'), retryIn ?? 0, wasUp, undefined);
  }

  stranded(): void {
    this.#down(undefined, failure('No transport can be used'), []);
  }

  readonly lost = (error: FayeError): void => this.#listener.lost(error);

  #down(candidate: Candidate | undefined, error: FayeError, affected: Envelope[]): void {
    if (this.#pause) return;
    this.#failures += 1;
    const { retry, maxRetry } = this.#options;
    // An application's own scheduler knows better.
    const own = affected.map(({ schedule }) => schedule.interval).find((interval) => interval !== undefined);
    const delay = own ?? delayAfter(this.#failures, retry, maxRetry);
    this.#isRelayed = false;
    this.selector.release(candidate);
    this.#pause = later(() => this.retry(), delay);
    const wasUp = this.isUp !== false;
    this.isUp = false;
    this.#listener.down(error, delay, wasUp, candidate);
  }

  /** A session has begun: requests of the one before hold up those of this one for some seconds only. */
  renewed(): void {
    clearTimeout(this.#old);
    this.#old = later(() => {
      for (const envelope of this.outbox.older(this.selector.clientId)) {
        envelope.transport!.cancel(envelope.message);
        this.outbox.wait(envelope);
      }
      this.flush();
    }, OLD_REQUESTS);
  }

  /** Tries again now. */
  retry(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.selector.select();
    this.flush();
  }

  /** The network may be there again: tries at once, forgets what did not work, and asks whether the server is there. */
  wake(): void {
    if (this.isUp === undefined && !this.#pause) return;
    this.selector.forgive();
    this.#failures = 0;
    this.retry();
    this.selector.check();
  }
}
