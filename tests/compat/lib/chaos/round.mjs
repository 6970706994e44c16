// One round on a running cluster: clients subscribe, publishers publish, the faults of the plan happen, and afterwards
// everything has to work again. Gives the record of what was seen.

import { setTimeout as pause } from 'node:timers/promises';

import { METRICS, metric } from '../cluster/metrics.mjs';
import { matches } from '../cluster/checker.mjs';
import { abandonWaiting, describeWaiting } from '../cluster/waiting.mjs';
import { Client, within } from './clients.mjs';
import { Exceptions } from './exceptions.mjs';
import { carryOut, recovered } from './faults.mjs';
import { judge } from './oracle.mjs';
import { channelsOf } from './plan.mjs';
import { Publisher } from './publishers.mjs';

/** After the faults everything works again within this time. Nothing but a defect takes it. */
const RECOVERY_MILLISECONDS = 40_000;
const LAST_MESSAGES_MILLISECONDS = 1_000;
const LAG_INTERVAL_MILLISECONDS = 10;
const NOT_REPLICATED_MILLISECONDS = 500;

/** A client for each node that stays there, and is subscribed to everything: its losses are those of its node. */
const watcherOf = (node, name) => ({
  name: `watcher ${node + 1}`, transport: 'websocket', node, way: 'fixed', patience: 1_000, keepAlive: false, late: null, actions: [],
  patterns: [`/h/${name}/**`, `/n/${name}/**`, `/s/${name}/**`],
});

class Round {
  #began = performance.now();

  constructor(cluster, plan, { ack }) {
    this.cluster = cluster;
    this.plan = plan;
    this.ack = ack;
    this.seed = plan.seed;
    this.ports = cluster.nodes.map(({ url }) => Number(new URL(url).port));
    this.faults = [];
    this.publications = [];
    this.trouble = [];
    /** By how many milliseconds this process was late, at most: processes of the servers are too. */
    this.lag = 0;
    this.clients = [...plan.clients, ...cluster.nodes.map((_node, place) => watcherOf(place, plan.name))]
      .map((each) => new Client(this, each));
    this.publishers = plan.publishers.map((each) => new Publisher(this, each, this.publications));
    this.last = Array.from(cluster.nodes, (_node, node) =>
      new Publisher(this, { name: `the end at node ${node + 1}`, kind: 'secret', node, way: 'fixed', patience: 3_000 }, this.publications));
  }

  /** Milliseconds, rounded to hundredths. */
  now() {
    return Math.round((performance.now() - this.#began) * 100) / 100;
  }

  /** Measures the lag, until the function that it returns is called. */
  #measureLag() {
    let due = performance.now() + LAG_INTERVAL_MILLISECONDS;
    const timer = setInterval(() => {
      this.lag = Math.max(this.lag, Math.round(performance.now() - due));
      due = performance.now() + LAG_INTERVAL_MILLISECONDS;
    }, LAG_INTERVAL_MILLISECONDS);
    return () => clearInterval(timer);
  }

  #missed() {
    return Promise.all(this.cluster.nodes.map((node) => metric(node, METRICS.missed)));
  }

  async run() {
    await Promise.all(this.clients.map((client) => client.begin()));
    // Every subscription is at work: a connection of each client was confirmed.
    await this.#watchersAreConnected();
    const before = await this.#missed();
    const stopMeasuring = this.#measureLag();
    this.start = this.now();
    const clock = { cluster: this.cluster, now: () => this.now() - this.start };
    for (const publisher of this.publishers) publisher.start();
    for (const client of this.clients) client.act();
    const faults = this.plan.faults.map((fault) => this.#suffer(fault, clock));
    await Promise.all([pause(this.plan.load), ...faults]);
    await Promise.all(this.publishers.map((publisher) => publisher.stop()));
    await recovered(this.cluster);
    await this.#everyoneHasTheLast();
    stopMeasuring();
    this.histories = await this.#readHistories();
    const after = await this.#missed();
    const restarted = new Set(this.plan.faults.filter(({ kind }) => ['kill', 'stop'].includes(kind)).map(({ node }) => node));
    this.missed = before.map((count, node) => ({ node, missed: after[node] - count, watcher: `watcher ${node + 1}` }))
      .filter(({ node }) => !restarted.has(node))
      .filter(({ watcher }) => this.clients.find(({ name }) => name === watcher).sessions.length === 1);
  }

  async #watchersAreConnected() {
    // The first connect of a session is answered at once.
    while (!this.clients.every(({ plan, session }) => plan.way !== 'fixed' || session.links.some(({ confirmed }) => confirmed !== null))) await pause(5);
  }

  async #suffer(fault, clock) {
    const shift = (record) => {
      for (const key of ['from', 'begun', 'healed', 'to']) if (record[key] !== null && record[key] !== undefined) record[key] += this.start;
    };
    const list = [];
    try {
      await carryOut(clock, fault, { push: (record) => { list.push(record); this.faults.push(record); } });
      shift(list[0]);
      list[0].isShifted = true;
      await recovered(this.cluster, fault.node === undefined ? this.cluster.nodes : [this.cluster.nodes[fault.node]]);
      list[0].to = this.now();
    } catch (error) {
      if (list[0] && !list[0].isShifted) shift(list[0]);
      this.trouble.push(`${fault.kind}: ${error.message}`);
    }
  }

  #has(client, publications, exceptions) {
    const { session } = client;
    if (!session || session.refused) return false;
    if (session.subscriptions.some(({ acknowledged, end }) => acknowledged === null || end?.acknowledged === null)) return false;
    const arrived = new Set(session.arrivals.map(({ id }) => id));
    // One that Redis lost, or did not take, is unknown to the instance that the session moves to.
    const written = session.subscriptions.filter((subscription) => !exceptions.mayBeUnwritten(session, subscription));
    const kept = written.filter(({ sent, acknowledged, end }) =>
      !end && !this.faults.some(({ kind, from, to }) => kind === 'failover' && sent <= to && acknowledged >= from - NOT_REPLICATED_MILLISECONDS));
    return publications.every(({ id, channel }) => arrived.has(id) || !kept.some(({ pattern }) => matches(pattern, channel)));
  }

  /** Publishes at each node to each channel, until every client has one whole set of these messages. */
  async #everyoneHasTheLast() {
    const isLate = this.now() + RECOVERY_MILLISECONDS;
    const exceptions = new Exceptions(this.record());
    for (let waiting = this.clients; waiting.length > 0;) {
      // All have to have the same set: of the ones before, some may wait for a client that has had another.
      waiting = this.clients;
      const set = [];
      for (const publisher of this.last) {
        for (const channel of channelsOf(this.plan.name)) set.push(await publisher.publish(channel, this.last.indexOf(publisher)));
      }
      const until = this.now() + LAST_MESSAGES_MILLISECONDS;
      const isWhole = set.every(({ outcome }) => outcome === 'accepted');
      while (isWhole && waiting.length > 0 && this.now() < until) {
        waiting = waiting.filter((client) => !this.#has(client, set, exceptions));
        if (waiting.length > 0) await pause(5);
      }
      if (waiting.length > 0 && this.now() > isLate) {
        const refused = set.filter(({ outcome }) => outcome !== 'accepted').map(({ id, error }) => `${id}: ${error}`);
        this.trouble.push(`after the faults these do not get every message: ${waiting.map(({ name }) => name)}; ${refused.slice(0, 3)}`);
        return;
      }
      if (!isWhole) await pause(50);
    }
  }

  async #readHistories() {
    const found = {};
    const redis = this.cluster.redis();
    const names = [...(await redis.keys()).keys()];
    for (const channel of channelsOf(this.plan.name).filter((name) => name.startsWith('/h/'))) {
      const key = names.find((name) => name.endsWith(`:history:${channel}`));
      const entries = key ? await redis.command('XRANGE', key, '-', '+') : [];
      found[channel] = entries.map(([, fields]) => JSON.parse(fields[fields.indexOf('d') + 1]).data.id);
    }
    return found;
  }

  record() {
    const { plan, ack, lag, faults, publications, histories = {}, missed = [] } = this;
    const sessions = this.clients.flatMap((client) => client.sessions);
    return { plan, ack, lag, size: this.ports.length, faults, publications, sessions, histories, missed };
  }

  async leave() {
    await Promise.all(this.clients.map((client) => client.leave()));
  }
}

/**
 * @param options  { ack, patience }: milliseconds for the whole round
 * @returns { record, violations }
 */
export async function runRound(cluster, plan, { ack, patience = 120_000 }) {
  const round = new Round(cluster, plan, { ack });
  let isOver = false;
  const running = round.run().then(() => round.leave()).then(() => { isOver = true; });
  try {
    await within(patience, running);
    if (!isOver) round.trouble.push(`the round did not end; ${describeWaiting()}`);
  } catch (error) {
    round.trouble.push(error.stack);
  }
  if (!isOver) {
    abandonWaiting();
    for (const client of round.clients) client.abandon();
  }
  const record = round.record();
  const violations = [
    ...(isOver ? judge(record) : []),
    ...round.trouble.map((text) => ({ guarantee: 'recovery', text, about: [] })),
  ];
  return { record, violations };
}
