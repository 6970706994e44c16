// Publishers: each sends numbered messages, one after the reply to the other, and records what became of each.

import { setTimeout as pause } from 'node:timers/promises';

import { Route, within } from './clients.mjs';
import { Random } from './random.mjs';
import { HttpWire, messagesOf, postText, SocketWire } from './wire.mjs';

export const SECRET = 'the secret of the fault tests';
/** After these errors a publication may be in Redis all the same. */
const MAYBE = /^503:.*(Not accepted|out of reach)/;

export class Publisher {
  #world;
  #plan;
  #route;
  #random;
  #numbers = new Map();
  #http = null;
  #socket = null;
  #isOver = false;
  #running = null;

  /** @param publications  the list to which it adds */
  constructor(world, plan, publications) {
    this.#world = world;
    this.#plan = plan;
    this.publications = publications;
    this.#route = new Route(world, plan);
    this.#random = new Random(world.seed, plan.name, 'messages');
  }

  start() {
    this.#running = this.#run();
    this.#running.catch(() => {});
  }

  async #run() {
    const { channels, gap, large } = this.#plan;
    for (let isLost = false; !this.#isOver;) {
      const channel = this.#random.pick(channels);
      const bytes = large && this.#random.chance(large.share) ? large.bytes : 0;
      const { outcome } = await this.publish(channel, this.#route.next(isLost), bytes);
      isLost = outcome !== 'accepted';
      await pause(gap + (isLost ? 20 : 0));
    }
  }

  /** Publishes one message at a node. @returns its record */
  async publish(channel, node, bytes = 0) {
    const number = (this.#numbers.get(channel) ?? 0) + 1;
    this.#numbers.set(channel, number);
    const publication = {
      id: `${this.#plan.name}|${channel}|${number}`, publisher: this.#plan.name, channel, number, node, bytes,
      sent: this.#world.now(), settled: null, outcome: 'unknown', hasReply: false, error: null,
    };
    this.publications.push(publication);
    const data = { id: publication.id, ...(bytes && { fill: 'x'.repeat(bytes) }) };
    const reply = await this.#send(publication, { channel, data });
    publication.settled = this.#world.now();
    publication.hasReply = Boolean(reply);
    if (reply) {
      publication.error = reply.error ?? null;
      publication.outcome = reply.successful ? 'accepted' : MAYBE.test(reply.error) ? 'unknown' : 'refused';
    }
    return publication;
  }

  async #send(publication, message) {
    return this.#plan.kind === 'socket' ? this.#bySocket(publication, message) : this.#byPost(publication, message);
  }

  async #byPost(publication, message) {
    const { node } = publication;
    if (this.#http?.node !== node || this.#http.wire.isOver) {
      this.#http?.wire.cut();
      this.#http = null;
      try {
        this.#http = await HttpWire.open(this.#world.ports[node]);
        this.#http.node = node;
      } catch {
        publication.outcome = 'refused';
        return null;
      }
    }
    const headers = this.#plan.kind === 'secret' ? `Authorization: Bearer ${SECRET}\r\n` : '';
    const response = await within(this.#plan.patience, this.#http.ask(postText([message], headers)));
    if (!response || response.closes) {
      this.#http.wire.cut();
      this.#http = null;
    }
    return messagesOf(response)?.[0];
  }

  async #bySocket(publication, message) {
    const { node } = publication;
    if (this.#socket?.node !== node || this.#socket.wire.isOver) {
      this.#socket?.wire.cut();
      this.#socket = null;
      try {
        this.#socket = await within(this.#plan.patience, SocketWire.open(this.#world.ports[node]));
      } catch {
        // It is refused.
      }
      if (!this.#socket) {
        publication.outcome = 'refused';
        return null;
      }
      this.#socket.node = node;
    }
    const reply = await within(this.#plan.patience, this.#socket.ask(message));
    if (!reply) {
      this.#socket.wire.cut();
      this.#socket = null;
    }
    return reply;
  }

  async stop() {
    this.#isOver = true;
    await this.#running;
    this.#http?.wire.cut();
    this.#socket?.wire.cut();
    this.#http = null;
    this.#socket = null;
  }
}
