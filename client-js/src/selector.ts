/**
 * Which transport is used: the best that works. Better ones are opened while a lesser one serves; one that stops
 * working is left, and tried again later. It knows nothing of messages' meaning.
 */

import { later, type Timer } from './clock.js';
import { type Candidate, hasHeld, MOST_CUTS, shun, spare } from './candidate.js';
import { type FayeError, failure } from './error.js';
import type { SelectorListener } from './listeners.js';
import { log } from './logger.js';
import type { Carried, Reach, Settings, Transport } from './transport/transport.js';

/** How long to wait for a transport that worked before, until a lesser one is taken. */
const HEAD_START = 1_500;
/** How long a socket stays open that another one has replaced. */
const LINGER = 2_000;
/** How long a transport may take to open. */
const OPEN_TIME = 20_000;

export class Selector {
  declare readonly candidates: Candidate[];
  declare current: Candidate | undefined;
  declare clientId: string | undefined;
  readonly #disabled = new Set<string>();
  #settings: Settings;
  #listener: SelectorListener;
  /** The types that the server offers; undefined before the handshake. */
  #offered: string[] | undefined;
  #heardAt = 0;
  #timer: Timer | undefined;

  constructor({ kinds, endpointFor, settings }: Reach, listener: SelectorListener) {
    this.#settings = settings;
    this.#listener = listener;
    this.candidates = kinds.map((kind) => ({
      kind, endpoint: endpointFor(kind.type), transport: undefined, isOpen: false, openedAt: 0, isProven: false,
      hasWorked: false, cuts: 0, shunnedAt: 0, shunnedUntil: 0, shunned: 0,
    }));
  }

  disable(type: string): void {
    this.#disabled.add(type);
    const wasCurrent = this.current?.kind.type === type;
    for (const candidate of this.candidates) if (candidate.kind.type === type) this.#close(candidate);
    if (wasCurrent) this.select();
  }

  isDisabled(feature: string): boolean {
    return this.#disabled.has(feature);
  }

  /** The types that this client can use with its endpoints. */
  types(): string[] {
    const possible = this.candidates.filter((candidate) => this.#isPossible(candidate) && !candidate.kind.ownsSession);
    return possible.map(({ kind }) => kind.type);
  }

  /** A session begins or ends. Without a session, only what needs none may be used. */
  begin(clientId?: string, offered?: string[]): void {
    this.clientId = clientId;
    this.#offered = offered;
    for (const candidate of this.candidates) if (candidate.kind.needsClient) this.#close(candidate);
    this.select();
  }

  #isPossible({ kind, endpoint }: Candidate): boolean {
    return !this.#disabled.has(kind.type) && kind.isUsable(endpoint, this.#settings);
  }

  /** Takes the best transport that is open, and opens better ones. */
  select(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    let wake = Infinity;
    let opening: Candidate | undefined;
    let best: Candidate | undefined;
    for (const candidate of this.candidates) {
      const { kind } = candidate;
      if (!this.#isPossible(candidate)) continue;
      if (this.#offered && !this.#offered.includes(kind.type)) continue;
      if (kind.needsClient && !this.clientId) continue;
      if (candidate.shunnedUntil > now) {
        wake = Math.min(wake, candidate.shunnedUntil);
        continue;
      }
      // One socket at a time: the next best is opened when the better one has failed.
      if (!candidate.transport && !(kind.isSocket && opening)) this.#open(candidate, now);
      if (!candidate.isOpen) {
        if (candidate.transport) opening ??= candidate;
      } else {
        best = candidate;
        break;
      }
    }
    if (!this.current && opening && (opening.kind.ownsSession || (opening.hasWorked && this.clientId))) {
      const left = opening.openedAt + HEAD_START - now;
      if (left > 0) {
        best = undefined;
        wake = Math.min(wake, now + left);
      }
    }
    if (!best && !opening && !this.current) return this.#listener.stranded();
    if (wake < Infinity) this.#timer = later(() => this.select(), wake - now);
    if (best && best !== this.current) {
      this.current = best;
      if (best.kind.isSocket) this.#closeLesser(best);
      this.#listener.switched();
    }
  }

  #open(candidate: Candidate, now: number): void {
    const { kind, endpoint } = candidate;
    candidate.openedAt = now;
    candidate.isProven = false;
    candidate.isOpen = !kind.isSocket;
    let transport: Transport | undefined;
    const isCurrent = (): boolean => candidate.transport === transport;
    const to: Carried = {
      opened: () => {
        if (!isCurrent()) return;
        clearTimeout(candidate.timer);
        candidate.isOpen = candidate.isProven = candidate.hasWorked = true;
        this.select();
        if (!kind.ownsSession) this.#listener.answered();
      },
      ready: () => this.#listener.ready(),
      received: (messages) => {
        this.#heardAt = Date.now();
        const isReply = messages.some(({ successful }) => successful !== undefined);
        if (isReply && isCurrent()) candidate.isProven = candidate.hasWorked = true;
        this.#listener.received(transport!, messages);
      },
      failed: (messages, error) => {
        if (!isCurrent()) return;
        if (!candidate.isProven && kind.isBlockable) this.fail(candidate, error);
        else if (candidate === this.current) this.#listener.failed(candidate, transport!, messages, error);
        else this.#listener.moved(transport!, messages);
      },
      refused: (messages, status) => this.#listener.refused(messages, status),
      relayed: (isUp, error, retryIn) => {
        if (candidate === this.current) this.#listener.relayed(isUp, error, retryIn);
      },
      closed: (error) => {
        if (isCurrent()) this.fail(candidate, error);
      },
    };
    try {
      transport = kind.open({ endpoint, settings: this.#settings, clientId: this.clientId, to });
    } catch (error) {
      // A policy of the page may forbid it at once.
      return this.fail(candidate, failure(String(error)));
    }
    candidate.transport = transport;
    if (kind.isSocket) {
      candidate.timer = later(() => this.fail(candidate, failure('Not open')), OPEN_TIME);
    }
  }

  /** A socket has taken the place of lesser ones, which may still bring what was sent before. */
  #closeLesser(candidate: Candidate): void {
    clearTimeout(candidate.timer);
    candidate.timer = later(() => {
      if (candidate !== this.current) return;
      for (const lesser of this.candidates.slice(this.candidates.indexOf(candidate) + 1)) {
        if (lesser.kind.isSocket) this.#close(lesser);
      }
    }, LINGER);
  }

  /** A transport ended, or is to end because it does not answer. */
  fail(candidate: Candidate, error: FayeError): void {
    const { transport, kind } = candidate;
    const wasCurrent = candidate === this.current;
    log('info', '? failed: ?', kind.type, error.message);
    if (kind.isBlockable && !hasHeld(candidate)) shun(candidate);
    this.#drop(candidate);
    if (!transport) return;
    if (!wasCurrent) {
      this.#listener.moved(transport, undefined);
      this.select();
      return;
    }
    this.#listener.failed(candidate, transport, undefined, error);
    if (kind.ownsSession) this.#listener.lost(error);
  }

  /**
   * Nothing is used until `select` is called again, because a transport failed. The failures of others said nothing about them
   * if nothing has answered since, or if the one that took their place is cut as they were.
   */
  release(failed?: Candidate): void {
    this.current = undefined;
    clearTimeout(this.#timer);
    for (const candidate of this.candidates) {
      const { shunnedAt, cuts } = candidate;
      if (!failed || (candidate !== failed && (shunnedAt > this.#heardAt || cuts >= MOST_CUTS))) spare(candidate);
    }
  }

  /** Asks the other side whether it is there. */
  check(): void {
    this.current?.transport?.check?.();
  }

  /** Forgets who did not work: the network is another one now. */
  forgive(): void {
    for (const candidate of this.candidates) spare(candidate);
  }

  #drop(candidate: Candidate): void {
    clearTimeout(candidate.timer);
    const { transport } = candidate;
    candidate.transport = undefined;
    candidate.isOpen = candidate.isProven = false;
    if (candidate === this.current) this.current = undefined;
    transport?.close();
  }

  #close(candidate: Candidate): void {
    const { transport } = candidate;
    this.#drop(candidate);
    if (transport) this.#listener.moved(transport, undefined);
  }

  /** Closes everything. */
  close(): void {
    clearTimeout(this.#timer);
    this.clientId = undefined;
    for (const candidate of this.candidates) this.#close(candidate);
  }
}
