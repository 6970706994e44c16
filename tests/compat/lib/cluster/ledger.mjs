// Records what publishers sent and what became of it, and what reached subscribers, until the checker judges it.

import assert from 'node:assert/strict';

import { missing, violations } from './checker.mjs';
import { Publisher } from './publisher.mjs';
import { post } from './raw.mjs';
import { until } from './waiting.mjs';

const SHOWN_VIOLATIONS = 20;

export class Ledger {
  #publishers = [];
  #subscribers = [];
  /** What the checker is told when it judges, for a test that waits in vain for the end. */
  #allowed = null;

  publications = [];
  /** What is going on; publications are noted with it. */
  phase = 'at the beginning';

  /** @param subscriber { name, patterns, clientIds(), arrivals() }, subscribed already */
  addSubscriber(subscriber) {
    this.#subscribers.push(subscriber);
  }

  /** @param send  (channel, data), gives 'accepted', 'refused' or 'unknown' */
  startPublisher(name, channels, send) {
    this.#publishers.push(new Publisher(this, name, channels, send));
  }

  count(matches) {
    return this.publications.filter(matches).length;
  }

  /** Waits until so many more publications of this phase, or those that match, were accepted. */
  async accepted(count, matches = () => true) {
    const { phase } = this;
    await until(`${count} publications are accepted ${phase}`, () =>
      this.count((each) => each.phase === phase && each.outcome === 'accepted' && matches(each)) >= count);
  }

  /** Waits until everybody has what was accepted so far. */
  async everybodyHasWhatWasAccepted() {
    const wanted = this.publications.filter(({ outcome }) => outcome === 'accepted');
    await until(`everybody has the ${wanted.length} publications that were accepted ${this.phase}`, () =>
      this.#snapshot().every((subscriber) => missing(subscriber, wanted).length === 0));
  }

  /** @param publishers  by their names; all if none is given */
  async stopPublishers(...names) {
    const stopping = this.#publishers.filter(({ name }) => names.length === 0 || names.includes(name));
    await Promise.all(stopping.map((publisher) => publisher.stop()));
  }

  /** For cleaning up: nothing is published any more, whatever is under way. */
  abandon() {
    for (const publisher of this.#publishers) publisher.abandon();
  }

  #snapshot() {
    return this.#subscribers.map((subscriber) => ({
      name: subscriber.name,
      patterns: subscriber.patterns,
      clientIds: subscriber.clientIds(),
      arrivals: subscriber.arrivals(),
    }));
  }

  record() {
    return { publications: this.publications, subscribers: this.#snapshot() };
  }

  /**
   * Ends the publishers, waits until a last message on each channel has reached everybody, and fails if a guarantee
   * was broken. What is allowed the checker says.
   */
  async judge(url, allowed = {}) {
    await this.stopPublishers();
    this.#allowed = allowed;
    this.phase = 'at the end';
    const channels = [...new Set(this.publications.map(({ channel }) => channel))];
    for (const channel of channels) {
      const last = { publisher: 'the end', channel, number: 1, outcome: 'unknown', phase: this.phase };
      const [reply] = await post(url, [{ channel, data: { publisher: last.publisher, channel, number: last.number } }]);
      assert.equal(reply.successful, true, JSON.stringify(reply));
      this.publications.push({ ...last, outcome: 'accepted' });
    }
    await until('everybody has the last message', () => this.#snapshot().every(({ arrivals }) =>
      channels.every((channel) => arrivals.some((each) => each.publisher === 'the end' && each.channel === channel))));
    // What is wrong is told with everything else that the ledger shows.
    assert.equal(violations(this.record(), allowed).length, 0, 'guarantees were broken');
  }

  #found() {
    const found = this.#allowed ? violations(this.record(), this.#allowed) : [];
    const more = found.length > SHOWN_VIOLATIONS ? [`and ${found.length - SHOWN_VIOLATIONS} more`] : [];
    return [...found.slice(0, SHOWN_VIOLATIONS), ...more];
  }

  describe() {
    const of = (outcome) => this.count((publication) => publication.outcome === outcome);
    const subscribers = this.#snapshot().map((subscriber) => `${subscriber.name}: ${subscriber.arrivals.length} arrived, `
      + `${missing(subscriber, this.publications).length} are missing, sessions ${subscriber.clientIds.join(', ')}`);
    return [`--- ${of('accepted')} accepted, ${of('refused')} refused, ${of('unknown')} unknown, now ${this.phase}`,
      ...subscribers, ...this.#found()].join('\n');
  }
}

export function openLedger(workbench) {
  const ledger = new Ledger();
  workbench.alsoShow(() => ledger.describe());
  workbench.atEnd(() => ledger.abandon());
  return ledger;
}
