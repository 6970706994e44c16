// Clients that subscribe: each follows its plan over one transport, goes on after every fault, and records what it saw. They
// know nothing of guarantees; oracle.mjs judges the record.

import { setTimeout as pause } from 'node:timers/promises';

import { Random } from './random.mjs';
import { TIMES } from './plan.mjs';
import { HttpWire, jsonpText, messagesOf, openStream, postText, SocketWire } from './wire.mjs';

const PAUSE_MILLISECONDS = 25;
/** How often a client of a stream connects, to keep its session alive. */
const STREAM_CONNECT_MILLISECONDS = 700;
const UNKNOWN = /^401:/;

/** Settles with null if the promise does not settle in time. */
export async function within(milliseconds, promise) {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, milliseconds, null); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Chooses the node of each request. */
export class Route {
  #random;
  #way;
  #size;

  constructor(world, plan) {
    this.#random = new Random(world.seed, plan.name, 'route');
    this.#way = plan.way;
    this.#size = world.ports.length;
    this.node = plan.node;
  }

  /** @param isLost  whether the last one did not answer */
  next(isLost = false) {
    if (this.#way === 'any') this.node = this.#random.between(0, this.#size - 1);
    else if (this.#way === 'round' || isLost && this.#way !== 'fixed') this.node = (this.node + 1) % this.#size;
    return this.node;
  }
}

export class Client {
  #world;
  #route;
  #isOver = false;
  /** The connection to which actions apply: { wire, link }. */
  #current = null;
  #running;
  #timers = [];
  #kept = null;

  /** Every session that it had. */
  sessions = [];

  /** @param world  { seed, ports, now(), stop }; the plan as plan.mjs makes it */
  constructor(world, plan) {
    this.#world = world;
    this.plan = plan;
    this.name = plan.name;
    this.#route = new Route(world, plan);
  }

  get session() {
    return this.sessions.at(-1);
  }

  /** Begins its session and subscribes. Resolves when it may be published to. */
  async begin() {
    await this.#handshake();
    this.#running = this.#run();
    // A defect of the client itself, seen at the end.
    this.#running.catch(() => {});
  }

  /** Schedules its actions. */
  act() {
    for (const action of this.plan.actions) this.#timers.push(setTimeout(() => this.#perform(action), action.at));
    const { late, unsubscribe } = this.plan;
    if (late) this.#timers.push(setTimeout(() => this.#subscribeAlso(late.pattern), late.at));
    if (unsubscribe) this.#timers.push(setTimeout(() => this.#unsubscribe(unsubscribe.pattern), unsubscribe.at));
  }

  #perform(action) {
    const { wire, link } = this.#current ?? {};
    if (!wire || wire.isOver) return;
    const at = this.#world.now();
    if (action.do === 'half-close') {
      link.halfClosed = at;
      wire.halfClose();
    } else if (action.do === 'slow') {
      link.slow.push({ from: at, to: at + action.for });
      wire.pause();
      this.#timers.push(setTimeout(() => wire.resume(), action.for));
    } else {
      link.cut ??= { at, how: action.do };
      if (action.do === 'reset') wire.reset();
      else wire.cut();
    }
  }

  /** Sends messages to a node in one request, and gives the response; null without one. */
  async #command(messages, node) {
    let http;
    try {
      http = await HttpWire.open(this.#world.ports[node]);
    } catch {
      return null;
    }
    const text = this.plan.transport === 'callback-polling' ? jsonpText(messages) : postText(messages);
    const response = await within(TIMES.timeout, http.ask(text));
    http.wire.cut();
    return messagesOf(response);
  }

  async #handshake() {
    for (let isLost = false; !this.#isOver; isLost = true) {
      const node = this.#route.next(isLost);
      const began = this.#world.now();
      const types = ['long-polling', 'websocket', 'eventsource', 'callback-polling'];
      const replies = await this.#command([{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: types }], node);
      const clientId = replies?.[0]?.successful && replies[0].clientId;
      if (!clientId) {
        await pause(PAUSE_MILLISECONDS);
        continue;
      }
      this.sessions.push({
        name: `${this.name}${this.sessions.length ? `, session ${this.sessions.length + 1}` : ''}`, transport: this.plan.transport,
        clientId, node, began, known: this.#world.now(), subscriptions: [], arrivals: [], links: [], connects: [], refused: null,
      });
      const patterns = [...this.plan.patterns, ...(this.lateIsDue ? [this.plan.late.pattern] : [])]
        .filter((pattern) => pattern !== this.unwanted);
      for (const pattern of patterns) await this.#subscribe(this.session, pattern);
      return;
    }
  }

  async #subscribeAlso(pattern) {
    this.lateIsDue = true;
    if (this.session && !this.session.refused) await this.#subscribe(this.session, pattern);
  }

  async #subscribe(session, pattern) {
    if (session.subscriptions.some((other) => other.pattern === pattern)) return;
    const subscription = { pattern, asked: this.#world.now(), acknowledged: null };
    session.subscriptions.push(subscription);
    for (let isLost = false; !this.#isOver && !session.refused; isLost = true) {
      const node = this.#route.next(isLost);
      const sent = this.#world.now();
      const [reply] = await this.#command([{ channel: '/meta/subscribe', clientId: session.clientId, subscription: pattern }], node) ?? [];
      if (reply?.successful) {
        subscription.acknowledged = this.#world.now();
        subscription.sent = sent;
        return;
      }
      if (UNKNOWN.test(reply?.error)) return this.#refuse(session, node, sent, '/meta/subscribe', reply);
      await pause(PAUSE_MILLISECONDS);
    }
  }

  async #unsubscribe(pattern) {
    this.unwanted = pattern;
    const { session } = this;
    const subscription = session?.subscriptions.find((each) => each.pattern === pattern);
    // A subscription without a reply may be executed after the end of it.
    if (!subscription || subscription.acknowledged === null || session.refused) return;
    subscription.end = { asked: this.#world.now(), acknowledged: null };
    for (let isLost = false; !this.#isOver && !session.refused; isLost = true) {
      const node = this.#route.next(isLost);
      const sent = this.#world.now();
      const [reply] = await this.#command([{ channel: '/meta/unsubscribe', clientId: session.clientId, subscription: pattern }], node) ?? [];
      if (reply?.successful) {
        subscription.end.acknowledged = this.#world.now();
        subscription.end.sent = sent;
        return;
      }
      if (UNKNOWN.test(reply?.error)) return this.#refuse(session, node, sent, '/meta/unsubscribe', reply);
      await pause(PAUSE_MILLISECONDS);
    }
  }

  #refuse(session, node, sent, verb, reply) {
    // It has said that it leaves.
    if (this.#isOver) return;
    session.refused ??= { at: this.#world.now(), sent, node, verb, error: reply.error, advice: reply.advice };
  }

  async #run() {
    const ways = { websocket: () => this.#socket(), eventsource: () => this.#stream() };
    const way = ways[this.plan.transport] ?? (() => this.#poll());
    for (let isFirst = true; !this.#isOver; isFirst = false) {
      if (!isFirst) await this.#handshake();
      if (this.session && !this.session.refused) await way();
      this.#current = null;
    }
  }

  #open(kind, node) {
    const link = { kind, node, opened: this.#world.now(), confirmed: null, over: null, cut: null, halfClosed: null, slow: [] };
    this.session.links.push(link);
    return link;
  }

  #over(link, how) {
    link.over ??= { at: this.#world.now(), how };
  }

  #arrive(session, link, message) {
    if (message.data?.id === undefined) return;
    const at = this.#world.now();
    link.confirmed ??= at;
    session.arrivals.push({ id: message.data.id, bytes: message.data.fill?.length ?? 0, channel: message.channel, at, link: session.links.indexOf(link) });
  }

  /** Notes the reply to a connect. @returns 'connected', 'unknown' or 'later' */
  #connected(session, node, sent, link, reply) {
    const at = this.#world.now();
    session.connects.push({ node, sent, at, link: link ? session.links.indexOf(link) : null, successful: reply?.successful === true, error: reply?.error });
    if (reply?.successful) {
      if (link) link.confirmed ??= at;
      return 'connected';
    }
    if (!UNKNOWN.test(reply?.error)) return 'later';
    this.#refuse(session, node, sent, '/meta/connect', reply);
    return 'unknown';
  }

  #connectOf(session, connectionType) {
    return { channel: '/meta/connect', clientId: session.clientId, connectionType };
  }

  get #isDone() {
    return this.#isOver || this.session.refused;
  }

  /** A held request after the other. */
  async #poll() {
    const { session, plan: { transport, keepAlive, patience } } = this;
    for (let isLost = false; !this.#isDone;) {
      const node = this.#route.next(isLost);
      isLost = true;
      let http = this.#kept?.node === node && !this.#kept.http.wire.isOver ? this.#kept.http : null;
      if (!http) this.#kept?.http.wire.cut();
      this.#kept = null;
      const link = this.#open('poll', node);
      try {
        http ??= await HttpWire.open(this.#world.ports[node]);
      } catch {
        this.#over(link, 'not connected');
        await pause(PAUSE_MILLISECONDS);
        continue;
      }
      this.#current = { wire: http.wire, link };
      const messages = [this.#connectOf(session, transport)];
      const sent = this.#world.now();
      const response = await within(TIMES.timeout + patience, http.ask(transport === 'callback-polling' ? jsonpText(messages) : postText(messages)));
      this.#current = null;
      const replies = messagesOf(response);
      if (!replies) {
        if (!http.wire.isOver) {
          link.cut ??= { at: this.#world.now(), how: 'no reply' };
          http.wire.cut();
        }
        this.#over(link, response ? `status ${response.status}` : await http.wire.over);
        await pause(link.cut ? 1 : PAUSE_MILLISECONDS);
        continue;
      }
      this.#over(link, 'replied');
      const reply = replies.find(({ channel }) => channel === '/meta/connect');
      const result = this.#connected(session, node, sent, link, reply);
      for (const message of replies) this.#arrive(session, link, message);
      if (keepAlive && !response.closes && !link.halfClosed) this.#kept = { node, http };
      else http.wire.cut();
      if (result === 'later') await pause(PAUSE_MILLISECONDS);
      isLost = result !== 'connected';
    }
  }

  async #socket() {
    const { session, plan: { patience } } = this;
    for (let isLost = false; !this.#isDone;) {
      const node = this.#route.next(isLost);
      isLost = true;
      const link = this.#open('socket', node);
      let socket;
      try {
        socket = await within(TIMES.timeout, SocketWire.open(this.#world.ports[node], (message) => this.#arrive(session, link, message)));
      } catch {
        socket = null;
      }
      if (!socket) {
        this.#over(link, 'not connected');
        await pause(PAUSE_MILLISECONDS);
        continue;
      }
      this.#current = { wire: socket.wire, link };
      while (!this.#isDone && !socket.wire.isOver) {
        const sent = this.#world.now();
        const reply = await within(TIMES.timeout + patience, socket.ask(this.#connectOf(session, 'websocket')));
        if (reply) {
          isLost = this.#connected(session, node, sent, link, reply) !== 'connected';
          if (isLost) await pause(PAUSE_MILLISECONDS);
        } else {
          if (socket.wire.isOver) break;
          link.cut ??= { at: this.#world.now(), how: 'no reply' };
          socket.wire.cut();
        }
      }
      // What was pushed before the end has been read by then.
      if (this.#isDone && !socket.wire.isOver) {
        link.cut ??= { at: this.#world.now(), how: 'done' };
        socket.wire.cut();
      }
      this.#over(link, await socket.wire.over);
    }
  }

  async #stream() {
    const { session } = this;
    const connects = this.#connectForStream(session);
    for (let isLost = false; !this.#isDone;) {
      const node = this.#route.next(isLost);
      isLost = true;
      const link = this.#open('stream', node);
      try {
        const { wire, head } = await openStream(this.#world.ports[node], session.clientId, (message) => this.#arrive(session, link, message));
        this.#current = { wire, link };
        isLost = await head === null;
        // A client learns by a connect that its session has ended.
        const isRefused = (async () => { while (!this.#isDone && !wire.isOver) await pause(PAUSE_MILLISECONDS); })();
        await Promise.race([wire.over, isRefused]);
        if (!wire.isOver) {
          link.cut ??= { at: this.#world.now(), how: 'done' };
          wire.cut();
        }
        this.#over(link, await wire.over);
      } catch {
        this.#over(link, 'not connected');
      }
      await pause(PAUSE_MILLISECONDS);
    }
    await connects;
  }

  async #connectForStream(session) {
    for (let isLost = false; !this.#isOver && !session.refused;) {
      const node = this.#route.next(isLost);
      const sent = this.#world.now();
      // The response to a connect has what waits, of any transport.
      const link = this.#open('connect', node);
      const replies = await this.#command([this.#connectOf(session, 'eventsource')], node);
      isLost = true;
      if (replies) {
        this.#over(link, 'replied');
        isLost = this.#connected(session, node, sent, null, replies.find(({ channel }) => channel === '/meta/connect')) !== 'connected';
        for (const message of replies) this.#arrive(session, link, message);
      } else {
        link.cut = { at: this.#world.now(), how: 'no reply' };
        this.#over(link, 'cut');
      }
      await pause(isLost ? PAUSE_MILLISECONDS : STREAM_CONNECT_MILLISECONDS);
    }
  }

  /** Ends the session. @returns whether its end was acknowledged */
  async leave() {
    for (const timer of this.#timers) clearTimeout(timer);
    const { session } = this;
    this.#isOver = true;
    if (session && !session.refused) {
      for (let node = this.#route.node, attempts = 0; attempts < 40; attempts += 1, node = (node + 1) % this.#world.ports.length) {
        const [reply] = await this.#command([{ channel: '/meta/disconnect', clientId: session.clientId }], node) ?? [];
        if (reply?.successful || UNKNOWN.test(reply?.error)) {
          session.left = this.#world.now();
          break;
        }
        await pause(PAUSE_MILLISECONDS);
      }
    }
    await within(TIMES.timeout, this.#running);
    this.abandon();
  }

  /** Ends its connections, without a word to the server. */
  abandon() {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#current?.wire.cut();
    this.#kept?.http.wire.cut();
  }
}
