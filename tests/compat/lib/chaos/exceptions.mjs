// What a round's faults allow, by docs/guarantees.md. Every exception names its guarantee, and is bound to the node and to the
// time of its cause; what is next to it stays forbidden.

import { TIMES } from './plan.mjs';


export const hasHistory = (channel) => channel.startsWith('/h/');

/** Redis loses what it had. */
const LOSES = new Set(['flush', 'crash', 'failover']);
/** While it lasts, a node cannot renew its lease. */
const NO_HEARTBEAT = new Set(['freeze', 'freeze-long', 'cut', 'silence', 'pause', 'stall', 'crash', 'memory-full', 'failover']);
/** A node alone loses its subscriptions, while others may publish. */
const ALONE = new Set(['cut', 'silence', 'kill-pubsub']);
/** Redis does not take publications. */
const OUTAGE = new Set(['cut', 'silence', 'pause', 'stall', 'crash', 'memory-full', 'failover', 'kill-commands']);
/** While it lasts, requests that were sent before it may be executed after later ones. */
const DELAYS = new Set(['freeze', 'freeze-long', 'cut', 'silence', 'slow', 'pause', 'stall', 'crash', 'memory-full', 'failover', 'kill-commands']);

const FOREVER = Number.MAX_SAFE_INTEGER;
const endOf = (fault) => fault.to ?? FOREVER;
const overlap = (fault, from, to) => fault.from <= to && endOf(fault) >= from;

export class Exceptions {
  /** Between two heartbeats, and the time that one takes. */
  #heartbeat;
  /** From when a node is ready to when it has joined its partitions again and read what they have. */
  #rejoin;
  /** From when Redis has accepted a publication to when every instance has read it. */
  #inFlight;
  #faults;
  #losses;
  #isLocal;
  #leaseLosses;
  /** What arrived at a session, by the identifier: the first arrival. */
  #first = new Map();
  #publications;

  /** @param record  as for the oracle; `lag` is by how many milliseconds the machine was late, at most */
  constructor({ faults, ack, size, publications, sessions, lag = 0 }) {
    this.#heartbeat = 2 * TIMES.heartbeat + 150 + 3 * lag;
    this.#rejoin = 500 + lag;
    this.#inFlight = 50 + lag;
    this.#faults = faults;
    this.#losses = faults.filter(({ kind }) => LOSES.has(kind));
    this.#isLocal = ack === 'local';
    this.#leaseLosses = Array.from({ length: size }, (_, node) => this.#leaseLossesOf(node)).flat();
    this.#publications = new Map(publications.map((publication) => [publication.id, publication]));
    for (const session of sessions) {
      const first = new Map();
      for (const arrival of session.arrivals) if (!first.has(arrival.id)) first.set(arrival.id, arrival);
      this.#first.set(session, first);
    }
  }

  #at(node) {
    return this.#faults.filter((fault) => fault.node === null || fault.node === node);
  }

  /** When others may have adopted the sessions of a node: it was killed, or had no heartbeat for about its lease. */
  #leaseLossesOf(node) {
    const kills = this.#faults.filter((fault) => fault.kind === 'kill' && fault.node === node)
      .map((fault) => ({ node, from: fault.from, to: endOf(fault), isKill: true }));
    const silent = [];
    for (const fault of this.#at(node).filter(({ kind }) => NO_HEARTBEAT.has(kind)).sort((one, other) => one.from - other.from)) {
      const last = silent.at(-1);
      if (last && fault.from <= last.to + this.#heartbeat) last.to = Math.max(last.to, endOf(fault));
      else silent.push({ node, from: fault.from, to: endOf(fault) });
    }
    const long = silent.filter(({ from, to }) => to - from >= TIMES.lease - this.#heartbeat);
    // A kill within a time without heartbeats counts from its beginning.
    for (const kill of kills) {
      const before = silent.find(({ from, to }) => from <= kill.from && kill.from <= to + this.#heartbeat);
      kill.beat = (before?.from ?? kill.from) - this.#heartbeat;
    }
    for (const each of long) each.beat = each.from - this.#heartbeat;
    return [...kills, ...long];
  }

  /** The nodes that may own a session at some time between two. */
  #isAt(session, node, from, to) {
    const confirms = [
      { node: session.node, sent: session.began, at: session.known },
      ...session.connects.filter(({ successful, link }) => successful && link !== null),
      ...session.links.filter(({ confirmed }) => confirmed !== null).map(({ node: place, opened, confirmed }) => ({ node: place, sent: opened, at: confirmed })),
    ];
    // The owner when the time begins, and everything that was on its way then or later.
    const before = confirms.filter(({ at }) => at <= from).sort((one, other) => one.at - other.at).at(-1);
    if (before?.node === node) return true;
    if (confirms.some((each) => each.node === node && each.at >= from && each.sent <= to)) return true;
    if (session.links.some((link) => link.node === node && link.confirmed === null && link.opened <= to && link.opened >= from - 2 * TIMES.timeout)) return true;
    if (session.connects.some((each) => each.node === node && !each.successful && each.sent <= to && each.at >= from - 2 * TIMES.timeout)) return true;
    if (session.transport === 'eventsource' && session.connects.some((each) => each.node === node && each.sent <= to && each.at >= from - 2 * TIMES.timeout)) return true;
    // A stopping node gives its sessions to any other.
    return this.#faults.some((fault) => fault.kind === 'stop' && fault.from <= to && (before ? fault.from >= before.at - TIMES.timeout : true));
  }

  /** The first time that something confirmed a connection which was opened after a time. */
  #confirmedAfter(session, time) {
    const times = session.links.filter(({ opened, confirmed }) => opened >= time && confirmed !== null).map(({ confirmed }) => confirmed);
    return times.length ? Math.min(...times) : FOREVER;
  }

  /** Arrivals of other messages of the same publisher and channel. */
  #siblings(session, publication) {
    return [...this.#first.get(session).values()].map((arrival) => ({ arrival, other: this.#publications.get(arrival.id) }))
      .filter(({ other }) => other && other.publisher === publication.publisher && other.channel === publication.channel);
  }

  /**
   * "Delivered: the operating system accepted the message for a live connection." What was on its way when a connection was
   * cut is lost. It is one run of messages: behind all that arrived over that connection, before all that arrived later.
   */
  #wasCut(session, publication) {
    return session.links.some((link, index) => {
      const killed = this.#faults.some((fault) => fault.kind === 'kill' && fault.node === link.node && link.over?.how === 'reset'
        && link.over.at >= fault.from && link.over.at <= fault.begun + 200);
      const at = link.cut?.at ?? (killed ? link.over.at : null);
      if (at === null || link.over?.how === 'not connected') return false;
      let until = this.#confirmedAfter(session, at);
      const delays = this.#faults.filter((fault) => DELAYS.has(fault.kind) && overlap(fault, link.opened, until));
      const isDelayed = delays.length > 0;
      // A request that was cut may be executed when the delay ends, and takes the session back.
      if (isDelayed) until = this.#confirmedAfter(session, Math.max(at, ...delays.map(endOf)));
      if (publication.sent > until) return false;
      return this.#siblings(session, publication).every(({ arrival, other }) =>
        // A stream and the responses to its connects have interleaved links.
        (other.number < publication.number ? isDelayed || arrival.link <= index || arrival.at <= at : arrival.link > index || isDelayed && arrival.link >= index));
    });
  }

  /** G1, "a killed instance", and G4, "an instance that is frozen for longer than its lease": no history, and adopted. */
  #wasAdopted(session, publication) {
    return this.#leaseLosses.some((loss) => {
      if (!this.#isAt(session, loss.node, loss.from, loss.to)) return false;
      const moved = session.links.filter((link) => link.opened >= loss.from && link.confirmed !== null && (link.node !== loss.node || link.opened >= loss.to || loss.isKill));
      if (moved.length === 0) return false;
      const until = Math.min(...moved.map(({ confirmed }) => confirmed));
      if (publication.sent > Math.max(until, loss.isKill ? 0 : loss.to)) return false;
      return this.#siblings(session, publication).every(({ arrival, other }) => other.number < publication.number || arrival.at >= loss.beat);
    });
  }

  /** G1, "an instance that alone loses Redis". What ended with the instance that accepted it alone is not missed by others. */
  isMissedBy(node, publication) {
    return !this.#wasLostWithItsNode(publication) && this.#at(node).some((fault) => ALONE.has(fault.kind) && overlap(fault, publication.sent - this.#rejoin, (publication.settled ?? FOREVER) + this.#inFlight));
  }

  #wasAlone(session, publication) {
    return this.#faults.some((fault) => ALONE.has(fault.kind) && overlap(fault, publication.sent - this.#rejoin, (publication.settled ?? FOREVER) + this.#inFlight)
      && (fault.node === null || this.#isAt(session, fault.node, fault.from, endOf(fault) + this.#rejoin)));
  }

  /** G5, "Redis fails over or comes back empty": a history can give back only what was published after it. */
  #isKept(publication) {
    return hasHistory(publication.channel) && !this.#losses.some((loss) => endOf(loss) + this.#heartbeat + 200 >= publication.sent);
  }

  /** G1, "Redis fails over or comes back empty": accepted, but neither delivered to all instances nor replicated. */
  #wasLostByRedis(publication) {
    return this.#losses.some((loss) => loss.kind !== 'flush' && overlap(loss, publication.sent - 200, (publication.settled ?? FOREVER) + 500));
  }

  /** G1, `ack = "local"`: accepted by a node that ended before Redis had it. */
  #wasLostWithItsNode({ channel, node, sent, settled }) {
    if (!this.#isLocal || hasHistory(channel)) return false;
    const outage = this.#at(node).find((fault) => OUTAGE.has(fault.kind) && overlap(fault, sent, settled));
    return Boolean(outage) && this.#faults.some((fault) => ['kill', 'stop'].includes(fault.kind) && fault.node === node
      && fault.begun >= sent && fault.from <= endOf(outage) + this.#rejoin);
  }

  /** G4 and cluster.md: "It accepts new sessions and subscriptions and writes them to Redis later." Until then an adopter has none. */
  mayBeUnwritten(session, { acknowledged, sent }) {
    return this.#leaseLosses.some((loss) => acknowledged <= loss.to) && this.#faults.some((fault) => (OUTAGE.has(fault.kind) || LOSES.has(fault.kind))
      && overlap(fault, sent - this.#heartbeat, acknowledged));
  }

  /** A publication that had not arrived yet, when the session unsubscribed at this time. */
  mayBeLate({ sent, settled }, time) {
    return (settled ?? FOREVER) + this.#inFlight > time || this.#faults.some((fault) => overlap(fault, sent, time));
  }

  /**
   * The record of a session has a pattern from which it has unsubscribed: Redis did not take the write, or has lost it. An
   * instance that adopts the session, or a failover, restores it. An instance that was importing the session has also received
   * what was published until the import ended.
   */
  mayBeRestored(session, { sent, acknowledged }, publication) {
    const isMoving = session.links.some(({ opened, confirmed, over }) => opened <= acknowledged && (confirmed ?? over?.at ?? FOREVER) >= publication.sent);
    return isMoving || this.mayBeUnwritten(session, { acknowledged, sent })
      || this.#losses.some((loss) => loss.kind === 'failover' && sent <= endOf(loss) && acknowledged >= loss.from - 500);
  }

  mayBeLost(session, publication, subscribed) {
    if (this.#wasCut(session, publication) || this.#wasLostByRedis(publication) || this.#wasLostWithItsNode(publication)) return true;
    if (subscribed.every((subscription) => this.mayBeUnwritten(session, subscription))) return true;
    return !this.#isKept(publication) && (this.#wasAdopted(session, publication) || this.#wasAlone(session, publication));
  }

  /**
   * G4, "a killed instance": what it wrote since its last heartbeat; for a client so slow that a write was in progress,
   * everything since that began. G4, "Redis fails over".
   */
  mayArriveTwice(session, first) {
    // The newest owner of a session is lost with the rest: the one before delivers too, until it verifies its sessions.
    const isBehind = this.#losses.some((loss) => loss.kind === 'failover' && first.at >= loss.from - this.#rejoin
      && first.at <= endOf(loss) + TIMES.timeout && new Set(session.links.map(({ node }) => node)).size > 1);
    return isBehind || this.#leaseLosses.some((loss) => this.#isAt(session, loss.node, loss.from, loss.to)
      && session.links.some(({ opened }) => opened >= loss.from)
      && first.at <= loss.to && (first.at >= loss.beat || session.links[first.link].slow.length > 0));
  }

  /**
   * G2: without a reply the publisher does not know whether the earlier one is on its way. A 503 says "maybe", and orders
   * nothing between nodes. With `ack = "local"` there is no order between nodes during an outage.
   */
  mayBeOutOfOrder(earlier, later, session) {
    if (session && this.#wasReadLate(session, earlier, later)) return true;
    if (!earlier.hasReply) return true;
    if (earlier.node === later.node) return false;
    return earlier.outcome === 'unknown' || this.mayHaveTwoOrders(earlier) || this.mayHaveTwoOrders(later);
  }

  /** The client itself read one connection later than the next one. */
  #wasReadLate(session, earlier, later) {
    const [one, other] = [earlier, later].map(({ id }) => this.#first.get(session).get(id));
    return one.link < other.link && session.links[one.link].slow.length > 0;
  }

  /** The arrivals without those that the client read later than others of a newer connection. */
  inOrderOfConnections(session, arrivals) {
    let newest = 0;
    return arrivals.filter(({ link }) => {
      newest = Math.max(newest, link);
      return link === newest || session.links[link].slow.length === 0;
    });
  }

  /** G3: what was accepted locally, or was in flight when Redis failed. A frozen instance finds that Redis did not reply. */
  mayHaveTwoOrders({ channel, node, sent, settled }) {
    return this.#isLocal && !hasHistory(channel) && this.#at(node).some((fault) => (OUTAGE.has(fault.kind) || fault.kind.startsWith('freeze')) && overlap(fault, sent - this.#rejoin, settled ?? FOREVER));
  }

  /** G4, "Redis has lost sessions"; a session that did not connect in time; one that Redis did not have when its node died. */
  mayBeUnknown(session) {
    const { refused } = session;
    const forgotten = this.#losses.some((loss) => refused.at >= loss.from
      && refused.sent <= endOf(loss) + (loss.kind === 'failover' ? TIMES.timeout : this.#heartbeat + this.#rejoin));
    // Lost by Redis, and then its node, before a heartbeat wrote it again.
    const isNowhere = this.#losses.some((loss) => this.#leaseLosses.some((death) => death.from <= endOf(loss) + this.#heartbeat + this.#rejoin
      && death.to >= loss.from && refused.at >= death.from && this.#isAt(session, death.node, death.from, death.to)));
    const contact = Math.max(session.known, ...session.connects.filter(({ successful }) => successful).map(({ at }) => at));
    const isExpired = refused.at - contact >= 2 * TIMES.timeout - 500;
    return forgotten || isNowhere || isExpired || this.mayBeUnwritten(session, { acknowledged: session.known, sent: session.began });
  }

  /** G5, "Redis fails over or comes back empty". */
  mayBeForgotten(publication) {
    return this.#losses.some((loss) => endOf(loss) + 200 >= publication.sent);
  }

  /** The watcher stayed at its node, so that only Redis can be the reason of a loss. */
  countsAreComplete(session) {
    return this.#losses.length === 0 && session.links.length === 1;
  }
}
