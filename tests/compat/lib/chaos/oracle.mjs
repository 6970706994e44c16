// Judges the record of a round by docs/guarantees.md. It knows no server and no socket: a record is plain data, and
// cluster/chaos.test.mjs shows that each property is checked. An exception applies only if the round had its cause, at
// that node, at that time; exceptions.mjs has them, each with the guarantee that grants it.

import { disagreements, matches } from '../cluster/checker.mjs';
import { Exceptions, hasHistory } from './exceptions.mjs';

/**
 * @typedef {object} Violation
 * @property {string} guarantee  G1 to G5, or 'recovery'
 * @property {string} text
 * @property {object[]} about  the records concerned
 */

const violation = (guarantee, text, ...about) => ({ guarantee, text, about });

function firstArrivals(arrivals) {
  const seen = new Set();
  return arrivals.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/** Nothing arrives that was not published, was refused, is damaged, or was not subscribed to. */
function* foreign(session, publications, exceptions) {
  for (const arrival of session.arrivals) {
    const publication = publications.get(arrival.id);
    const text = `${session.name} got ${arrival.id}`;
    if (!publication) yield violation('G1', `${text}, which was not published`, arrival);
    else if (publication.outcome === 'refused') yield violation('G1', `${text}, which was refused`, arrival, publication);
    else if (arrival.bytes !== publication.bytes || arrival.channel !== publication.channel) {
      yield violation('G1', `${text}, and it was changed`, arrival, publication);
    } else {
      const subscribed = session.subscriptions.filter(({ pattern, asked }) => asked <= arrival.at && matches(pattern, arrival.channel));
      if (subscribed.length === 0) yield violation('G1', `${text}, to which it is not subscribed`, arrival);
      // What was published before is in the mailbox, or on its way.
      else if (subscribed.every(({ end }) => end && end.acknowledged !== null && end.acknowledged < publication.sent && !exceptions.mayBeRestored(session, end, publication))) {
        yield violation('G1', `${text}, from which it had unsubscribed`, arrival, publication, ...subscribed);
      }
    }
  }
}

/** An accepted publication reaches a session that was subscribed before. */
function* lost(session, publications, exceptions) {
  // Its client learned that it has ended.
  if (session.refused) return;
  const arrived = new Set(session.arrivals.map(({ id }) => id));
  for (const publication of publications.values()) {
    if (publication.outcome !== 'accepted' || arrived.has(publication.id)) continue;
    const subscribed = session.subscriptions.filter(({ pattern, acknowledged, end }) =>
      acknowledged !== null && acknowledged < publication.sent && matches(pattern, publication.channel)
      && !(end && exceptions.mayBeLate(publication, end.asked)));
    if (subscribed.length === 0 || exceptions.mayBeLost(session, publication, subscribed)) continue;
    const guarantee = hasHistory(publication.channel) ? 'G5' : 'G1';
    yield violation(guarantee, `${session.name} did not get ${publication.id}`, publication);
  }
}

function* repeated(session, publications, exceptions) {
  const first = new Map();
  for (const arrival of session.arrivals) {
    const before = first.get(arrival.id);
    if (!before) first.set(arrival.id, arrival);
    else if (!exceptions.mayArriveTwice(session, before)) {
      yield violation('G4', `${session.name} got ${arrival.id} twice`, before, arrival, publications.get(arrival.id));
    }
  }
}

/** @param list  { id } in an order */
function* outOfOrder(name, list, publications, exceptions, session) {
  const newest = new Map();
  for (const { id } of list) {
    const publication = publications.get(id);
    if (!publication) continue;
    const key = `${publication.publisher} ${publication.channel}`;
    const before = newest.get(key);
    if (!before || before.number < publication.number) newest.set(key, publication);
    else if (!exceptions.mayBeOutOfOrder(publication, before, session)) {
      yield violation('G2', `${name} has ${id} after ${before.id}`, publication, before);
    }
  }
}

/** The sessions, and the histories, agree on the order of each channel. */
function* orders(readers, publications, exceptions) {
  const rules = { mayBeOutOfOrder: ({ id }) => exceptions.mayHaveTwoOrders(publications.get(id)) };
  const known = new Map([...publications.values()].map((publication) => [`${publication.channel} ${publication.publisher} ${publication.number}`, publication]));
  for (const [index, reader] of readers.entries()) {
    for (const other of readers.slice(0, index)) {
      for (const text of disagreements(other, reader, known, rules)) yield violation('G3', text.slice('G3: '.length));
    }
  }
}

/** A session is known as long as its client connects. */
function* forgotten(session, exceptions) {
  const { refused } = session;
  if (!refused) return;
  if (!exceptions.mayBeUnknown(session)) yield violation('G4', `${session.name} ended: ${refused.error}`, refused, session.connects.slice(-3));
  if (refused.verb === '/meta/connect' && refused.advice?.reconnect !== 'handshake') {
    yield violation('G1', `${session.name} ended without the advice to begin another`, refused);
  }
}

/** A history is what was accepted, once and in order. */
function* histories(record, publications, exceptions) {
  for (const [channel, ids] of Object.entries(record.histories)) {
    const seen = new Set();
    for (const id of ids) {
      const publication = publications.get(id);
      if (!publication || publication.outcome === 'refused') yield violation('G5', `the history of ${channel} has ${id}, which was not accepted`);
      if (seen.has(id)) yield violation('G5', `the history of ${channel} has ${id} twice`, publication);
      seen.add(id);
    }
    for (const publication of publications.values()) {
      if (publication.channel !== channel || publication.outcome !== 'accepted' || seen.has(publication.id)) continue;
      if (!exceptions.mayBeForgotten(publication)) yield violation('G5', `the history of ${channel} does not have ${publication.id}`, publication);
    }
    yield* outOfOrder(`the history of ${channel}`, ids.map((id) => ({ id })), publications, exceptions);
  }
}

/**
 * What a node counts as missed is at least what its sessions miss for that reason, and at most what did not arrive at its
 * watcher, a session that stays there and is subscribed to everything.
 */
function* counts(record, publications, exceptions) {
  for (const { node, missed, watcher } of record.missed) {
    const session = record.sessions.find(({ name }) => name === watcher);
    const arrived = new Set(session.arrivals.map(({ id }) => id));
    const absent = [...publications.values()].filter(({ id, outcome, sent }) =>
      outcome !== 'refused' && !arrived.has(id) && sent > session.known);
    const lost = absent.filter((publication) => publication.outcome === 'accepted' && exceptions.isMissedBy(node, publication)
      && session.subscriptions.some(({ pattern, acknowledged }) => acknowledged < publication.sent && matches(pattern, publication.channel)));
    if (missed > absent.length) {
      yield violation('G1', `node ${node + 1} counts ${missed} as missed, but only ${absent.length} did not arrive at ${watcher}`, ...absent.slice(0, 5));
    }
    if (missed < lost.length && exceptions.countsAreComplete(session)) {
      yield violation('G1', `node ${node + 1} counts ${missed} as missed, but ${watcher} did not get ${lost.length}`, ...lost.slice(0, 5));
    }
  }
}

/**
 * @param record  { plan, ack, publications, sessions, faults, histories, missed }
 * @returns {Violation[]}
 */
export function judge(record) {
  const exceptions = new Exceptions(record);
  const publications = new Map(record.publications.map((publication) => [publication.id, publication]));
  const found = [];
  const readers = [];
  for (const session of record.sessions) {
    const order = firstArrivals(session.arrivals);
    found.push(...foreign(session, publications, exceptions), ...forgotten(session, exceptions), ...lost(session, publications, exceptions),
      ...repeated(session, publications, exceptions), ...outOfOrder(session.name, order, publications, exceptions, session));
    readers.push({ name: session.name, arrivals: exceptions.inOrderOfConnections(session, order) });
  }
  found.push(...histories(record, publications, exceptions));
  for (const [channel, ids] of Object.entries(record.histories)) {
    readers.push({ name: `the history of ${channel}`, arrivals: [...new Set(ids)].map((id) => ({ id })) });
  }
  for (const reader of readers) {
    reader.arrivals = reader.arrivals.filter(({ id }) => publications.has(id)).map(({ id }) => publications.get(id));
  }
  found.push(...orders(readers, publications, exceptions), ...counts(record, publications, exceptions));
  return found;
}
