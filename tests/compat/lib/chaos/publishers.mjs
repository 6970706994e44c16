// Publishers: each sends numbered messages, one after the reply to the other, and records what became of each. One with a session
// begins another with each connection.

import { setTimeout as pause } from 'node:timers/promises';

import { Route, within } from './clients.mjs';
import { Random } from './random.mjs';
import { HttpWire, messagesOf, postText, SocketWire } from './wire.mjs';

export const SECRET = 'the secret of the fault tests';
const RETRY_MILLISECONDS = 100;
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
    return ['socket', 'session'].includes(this.#plan.kind) ? this.#bySocket(publication, message) : this.#byPost(publication, message);
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
      if (this.#plan.kind === 'session' && !await this.#begin(this.#socket)) {
        this.#socket.wire.cut();
        this.#socket = null;
        publication.outcome = 'refused';
        return null;
      }
    }
    const { clientId } = this.#socket;
    const reply = await within(this.#plan.patience, this.#socket.ask({ ...message, ...(clientId && { clientId }) }));
    if (!reply || clientId && /^401:/.test(reply.error)) {
      this.#socket.wire.cut();
      this.#socket = null;
    }
    return reply;
  }

  /** Begins a session on a new connection, and keeps it alive. @returns whether there is a session */
  async #begin(socket) {
    const handshake = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] };
    const reply = await within(this.#plan.patience, socket.ask(handshake));
    if (!reply?.successful) return false;
    socket.clientId = reply.clientId;
    const connect = async () => {
      while (!socket.wire.isOver) {
        const connected = await socket.ask({ channel: '/meta/connect', clientId: socket.clientId, connectionType: 'websocket' });
        if (!connected?.successful) await pause(RETRY_MILLISECONDS);
      }
    };
    connect().catch(() => {});
    return true;
  }

  async stop() {
    this.#isOver = true;
    await this.#running;
    if (this.#socket?.clientId) {
      await within(this.#plan.patience, this.#socket.ask({ channel: '/meta/disconnect', clientId: this.#socket.clientId }));
    }
    this.#http?.wire.cut();
    this.#socket?.wire.cut();
    this.#http = null;
    this.#socket = null;
  }
}
