// Judges a record of what was published and of what arrived against the guarantees of joined nodes. It knows no server:
// a record is plain data, and its own unit test shows that it finds what is wrong.
//
//   G1  nothing that was accepted is lost
//   G2  of one publisher on one channel: first in, first out
//   G3  all subscribers of a channel see one order
//   G4  a client keeps its session, and each message arrives once
//   G5  a channel with history has no gap that nobody tells of

/**
 * @typedef {object} Publication
 * @property {string} publisher
 * @property {string} channel
 * @property {number} number  counts from 1 for each publisher and channel
 * @property {'accepted' | 'refused' | 'unknown'} outcome  unknown: the answer was lost, it may arrive or not
 * @property {string} phase  what was going on in the test when it was sent
 *
 * @typedef {object} Subscriber
 * @property {string} name
 * @property {string[]} patterns  what it was subscribed to before anything was published
 * @property {string[]} clientIds  each that it had, in their order
 * @property {{ publisher: string, channel: string, number: number }[]} arrivals  in their order
 *
 * @typedef {object} Rules  everything is forbidden that they do not allow
 * @property {(publication: Publication) => boolean} [mayArriveTwice]
 * @property {(publication: Publication) => boolean} [mayBeLost]  does not apply to channels with history
 * @property {(publication: Publication) => boolean} [mayBeOutOfOrder]  where subscribers may see different orders
 * @property {(channel: string) => boolean} [hasHistory]
 * @property {boolean} [mayBeginAnew]  whether a client may get another session
 */

const never = () => false;
const keyOf = ({ publisher, channel, number }) => `${channel} ${publisher} ${number}`;

/** As the server matches: `*` is one segment, `**` one or more. */
export function matches(pattern, channel) {
  if (pattern.endsWith('/**')) return channel.startsWith(pattern.slice(0, -2)) && channel.length > pattern.length - 2;
  if (!pattern.endsWith('/*')) return pattern === channel;
  const rest = channel.startsWith(pattern.slice(0, -1)) ? channel.slice(pattern.length - 1) : '';
  return rest !== '' && !rest.includes('/');
}

const hears = (subscriber, channel) => subscriber.patterns.some((pattern) => matches(pattern, channel));

/** Each publication that arrived, at its first arrival. */
function firstArrivals(subscriber) {
  const seen = new Set();
  return subscriber.arrivals.filter((arrival) => {
    const key = keyOf(arrival);
    return !seen.has(key) && seen.add(key);
  });
}

/** What was accepted and should have reached the subscriber, but has not yet. */
export function missing(subscriber, publications) {
  const arrived = new Set(subscriber.arrivals.map(keyOf));
  return publications.filter((publication) => publication.outcome === 'accepted'
    && hears(subscriber, publication.channel) && !arrived.has(keyOf(publication)));
}

function* lost(subscriber, publications, rules) {
  for (const publication of missing(subscriber, [...publications.values()])) {
    const { publisher, channel, number, phase } = publication;
    const text = `${subscriber.name} did not get ${publisher}'s ${number} on ${channel}, published ${phase}`;
    if (rules.hasHistory(channel)) yield `G5: ${text}, though the channel has history`;
    else if (!rules.mayBeLost(publication)) yield `G1: ${text}`;
  }
}

function* outOfTurn(subscriber) {
  const last = new Map();
  for (const { publisher, channel, number } of firstArrivals(subscriber)) {
    const before = last.get(`${channel} ${publisher}`) ?? 0;
    if (number < before) yield `G2: ${subscriber.name} got ${publisher}'s ${number} on ${channel} after ${before}`;
    else last.set(`${channel} ${publisher}`, number);
  }
}

function* arrivedWrongly(subscriber, publications, rules) {
  const count = new Map();
  for (const arrival of subscriber.arrivals) {
    const key = keyOf(arrival);
    const publication = publications.get(key);
    const text = `${subscriber.name} got ${arrival.publisher}'s ${arrival.number} on ${arrival.channel}`;
    count.set(key, (count.get(key) ?? 0) + 1);
    if (!publication) yield `G1: ${text}, which nobody published`;
    else if (publication.outcome === 'refused') yield `G1: ${text}, which was refused`;
    else if (!hears(subscriber, arrival.channel)) yield `G1: ${text}, to which it is not subscribed`;
    else if (count.get(key) === 2 && !rules.mayArriveTwice(publication)) {
      yield `G4: ${text} twice, published ${publication.phase}`;
    }
  }
}

/** Two subscribers agree if what both got, on one channel, came in one order. */
export function* disagreements(first, second, publications, rules) {
  const places = new Map(firstArrivals(first).map((arrival, place) => [keyOf(arrival), place]));
  const last = new Map();
  for (const arrival of firstArrivals(second)) {
    const key = keyOf(arrival);
    const publication = publications.get(key);
    if (!places.has(key) || !publication || rules.mayBeOutOfOrder(publication)) continue;
    const before = last.get(arrival.channel);
    if (before && places.get(keyOf(before)) > places.get(key)) {
      const [one, other] = [before, arrival].map(({ publisher, number }) => `${publisher}'s ${number}`);
      yield `G3: on ${arrival.channel} ${second.name} got ${one} before ${other}, ${first.name} the other way round`;
    } else {
      last.set(arrival.channel, arrival);
    }
  }
}

/**
 * @param record { publications: Publication[], subscribers: Subscriber[] }
 * @param {Rules} allowed
 * @returns what is wrong, in words
 */
export function violations({ publications: list, subscribers }, allowed = {}) {
  const rules = { mayArriveTwice: never, mayBeLost: never, mayBeOutOfOrder: never, hasHistory: never, ...allowed };
  const publications = new Map(list.map((publication) => [keyOf(publication), publication]));
  const found = [];
  for (const [index, subscriber] of subscribers.entries()) {
    found.push(...lost(subscriber, publications, rules), ...outOfTurn(subscriber),
      ...arrivedWrongly(subscriber, publications, rules));
    const sessions = new Set(subscriber.clientIds);
    if (sessions.size !== 1 && !rules.mayBeginAnew) {
      found.push(`G4: ${subscriber.name} had ${sessions.size} sessions: ${[...sessions].join(', ')}`);
    }
    for (const other of subscribers.slice(0, index)) {
      found.push(...disagreements(other, subscriber, publications, rules));
    }
  }
  return found;
}
