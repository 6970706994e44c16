// Clients of npm Faye and of this project that note what they received and when, and the publisher of numbered messages.

import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { installClient } from '../../tests/compat/lib/installed-client.mjs';

const compat = fileURLToPath(new URL('../../tests/compat/', import.meta.url));
const { module: file, remove } = installClient({ how: 'import', withWs: true });
process.on('exit', remove);

const [npm, ours] = [
  createRequire(path.join(compat, 'package.json'))('faye'),
  (await import(pathToFileURL(file))).default,
];

/** The clients by name: the module, and options. */
const CLIENTS = {
  npm: { module: npm, options: {} },
  ours: { module: ours, options: {} },
  'ours with replay': { module: ours, options: { replay: true } },
  'ours with ack': { module: ours, options: { ack: true } },
};

/** A client that notes the time of each received number by channel, and when it was lost and back. */
export class WatchedClient {
  /** Numbers to the time of the first arrival, by channel. */
  received = new Map();
  twice = 0;
  /** When its connection was cut. */
  cuts = [];
  handshakes = 0;
  /** Times of the first `transport:down` and of the first sign of the session after it, since `expectLoss`. */
  downAt = null;
  backAt = null;
  /** Reasons of pauses with their length, where the client tells them. */
  pauses = [];
  #isExpected = false;

  constructor(kind, url, transport, options = {}) {
    this.transport = transport;
    const { module, options: ofKind } = CLIENTS[kind];
    this.client = new module.Client(url, { ...ofKind, ...options });
    if (transport === 'long-polling') this.client.disable('websocket');
    this.client.bind('transport:down', () => {
      if (this.#isExpected) this.downAt ??= performance.now();
    });
    if (module === ours) {
      this.client.bind('connection', ({ reason, retryIn }) => {
        if (retryIn !== undefined) this.pauses.push([performance.now(), reason, Math.round(retryIn)]);
      });
    }
    this.client.addExtension({
      incoming: (message, callback) => {
        if (message.channel === '/meta/handshake' && message.successful) this.handshakes += 1;
        const isOfSession = message.channel === '/meta/connect' ? message.successful : message.data !== undefined;
        if (isOfSession && this.downAt !== null) this.backAt ??= performance.now();
        if (message.channel === '/meta/connect' && !message.successful) this.pauses.push([performance.now(), message.error, 0]);
        callback(message);
      },
    });
  }

  /** Subscribes, and resolves when the server has accepted it. */
  async subscribe(channel) {
    const numbers = new Map();
    this.received.set(channel, numbers);
    await new Promise((resolve, reject) => {
      const subscription = this.client.subscribe(channel, (number) => {
        if (numbers.has(number)) this.twice += 1;
        else numbers.set(number, performance.now());
      });
      subscription.then(resolve, reject);
    });
  }

  /** From now on, a loss of the connection counts. */
  expectLoss() {
    this.#isExpected = true;
    this.downAt = this.backAt = null;
  }
}

/** Publishes one number to all channels at a time, at random moments, until it is stopped. */
export class Publisher {
  /** The time at which each accepted number was sent, by its index minus one; `null` where it was not accepted. */
  sentAt = [];
  #isStopped = false;

  constructor(url, channels, rate) {
    this.url = url;
    this.channels = channels;
    this.rate = rate;
  }

  start() {
    this.running = this.#run();
    return this;
  }

  async #run() {
    while (!this.#isStopped) {
      await this.publish();
      await sleep((2000 / this.rate) * Math.random());
    }
  }

  async publish() {
    const number = this.sentAt.push(null);
    const begun = performance.now();
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(this.channels.map((channel) => ({ channel, data: number }))),
      });
      const replies = await response.json();
      if (replies.every(({ successful }) => successful)) this.sentAt[number - 1] = begun;
    } catch {
      // It may have been accepted or not: it does not count.
    }
    return number;
  }

  async stop() {
    this.#isStopped = true;
    await this.running;
  }
}

/** A message that was sent so many milliseconds before or after a cut may have been on its way then. */
const IN_FLIGHT = 250;

/**
 * Counts of messages to a channel: to be delivered, delivered within so many milliseconds, delivered at all, and missed though
 * they were not on their way at a cut.
 */
export function countOf(clients, channel, sentAt, within) {
  const counts = { due: 0, inTime: 0, finally: 0, unexplained: 0 };
  for (const { received, cuts } of clients) {
    const numbers = received.get(channel);
    sentAt.forEach((sent, at) => {
      if (sent === null) return;
      counts.due += 1;
      const arrived = numbers.get(at + 1);
      if (arrived === undefined) {
        if (!cuts.some((at) => Math.abs(at - sent) < IN_FLIGHT)) counts.unexplained += 1;
        return;
      }
      counts.finally += 1;
      if (arrived - sent <= within) counts.inTime += 1;
    });
  }
  return counts;
}
