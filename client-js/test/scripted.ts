/**
 * A server and a network that a test plays: it sees every message and over what it came, and says what becomes of it.
 * What is not said happens as with a Faye server that works: sockets open, connects are held, the rest is answered.
 */

import { BaseClient } from '../src/client.js';
import type { Environment, Watcher } from '../src/environment.js';
import type { Message } from '../src/message.js';
import type { ClientOptions } from '../src/options.js';
import { type Exchange, RequestTransport } from '../src/transport/request.js';
import type { Kind, Place, Transport } from '../src/transport/transport.js';
import { WebSocketTransport } from '../src/transport/websocket.js';
import { Arrival, type Link, RequestLink, SocketLink } from './links.js';

/**
 * How it goes with a type of transport. `refused`: no socket opens, requests fail. `opening`: nothing ever opens.
 * `silent`: what is sent disappears. A number is the status of every response.
 */
export type Health = 'well' | 'refused' | 'opening' | 'silent' | number;

const MOST_ARRIVALS = 10_000;

/** Fields of the reply, or nothing while the message is held. */
type Rule = (arrival: Arrival) => Partial<Message> | undefined;

const FLAGS: Record<string, Partial<Kind>> = {
  websocket: { isSocket: true, isBlockable: true },
  eventsource: { isSocket: true, isBlockable: true, needsClient: true },
  'cross-origin-long-polling': { isBlockable: true },
};

export class Server {
  readonly health: Record<string, Health> = {};
  readonly rules: Record<string, Rule> = {};
  readonly links: Link[] = [];
  readonly arrivals: Arrival[] = [];
  readonly farewells: Message[] = [];
  readonly clients: BaseClient[] = [];
  /** Whether a connect is answered when another comes. Faye leaves it without any answer. */
  answersSuperseded = true;
  offers: string[] | undefined;
  advice: NonNullable<Message['advice']> = { reconnect: 'retry', interval: 0, timeout: 45_000 };
  session: string | undefined;
  watcher: Watcher | undefined;
  #sessions = 0;
  #isRead = 0;
  #held: { timer: ReturnType<typeof setTimeout>; end: () => void }[] = [];

  /** `types`: what the client's platform has, best first. */
  constructor(readonly types: string[] = ['websocket', 'long-polling']) {}

  client(options: ClientOptions = {}, endpoint: string | URL = 'http://server.test/faye'): BaseClient {
    const environment: Environment = {
      resolve: (endpoint) => new URL(endpoint, 'http://page.test/'),
      kinds: () => this.kinds(),
      settings: () => ({ headers: {} }),
      watch: (watcher) => {
        this.watcher = watcher;
        return () => (this.watcher = undefined);
      },
    };
    const client = new BaseClient(endpoint, options, environment);
    this.clients.push(client);
    return client;
  }

  /** What reaches it, best first. */
  kinds(): Kind[] {
    return this.types.map((type) => this.#kind(type));
  }

  #kind(type: string): Kind {
    const open = (place: Place): Transport => {
      if (type === 'websocket') return new WebSocketTransport(place, () => this.#socket(type, place.endpoint.href));
      if (type === 'eventsource') return new EventTransport(place, this, type);
      return new ScriptedRequests(place, this, type);
    };
    return { type, ...FLAGS[type], isUsable: () => true, open };
  }

  #socket(type: string, endpoint: string): SocketLink {
    const link = new SocketLink(type, endpoint, (from, messages) => this.receive(from, messages));
    this.links.push(link);
    this.begin(link);
    return link;
  }

  /** A socket that was asked for opens, or does not. */
  begin(link: SocketLink): void {
    const health = this.health[link.type] ?? 'well';
    let turn = Promise.resolve();
    for (let count = 0; count < 5; count += 1) turn = turn.then(() => {});
    void turn.then(() => {
      if (health === 'refused') link.cut();
      else if (health !== 'opening') link.open();
    });
  }

  request(type: string, endpoint: string, messages: Message[]): Exchange {
    const link = new RequestLink(type, endpoint);
    this.links.push(link);
    const health = this.health[type] ?? 'well';
    if (health === 'refused') link.cut();
    else if (typeof health === 'number') link.respond(health);
    this.receive(link, JSON.parse(JSON.stringify(messages)));
    return link.exchange;
  }

  receive(link: Link, messages: Message[]): void {
    // A socket that swallowed something brings nothing any more, as one whose other end is gone.
    // And a loop without end is to fail a test, and not to hang it.
    link.isMute ||= this.health[link.type] === 'silent' || this.arrivals.length > MOST_ARRIVALS;
    if (messages.length === 0 && !link.isMute) link.push();
    const arrived = messages.map((message) => new Arrival(link, message));
    link.arrivals.push(...arrived);
    this.arrivals.push(...arrived);
    if (link.isMute || link.isOver) return;
    for (const arrival of arrived) {
      const older = arrival.message.channel === '/meta/connect' && this.answersSuperseded ? this.#held.splice(0) : [];
      for (const { end } of older) end();
      const rule = this.rules[arrival.message.channel];
      const fields = rule ? rule(arrival) : this.usual(arrival);
      if (fields) arrival.reply(fields);
      else if (!rule) this.#hold(arrival);
    }
  }

  /** What a Faye server answers. */
  usual({ message }: Arrival): Partial<Message> | undefined {
    const { advice } = this;
    if (message.channel === '/meta/handshake') {
      this.#sessions += 1;
      this.session = `session${this.#sessions}`;
      const supportedConnectionTypes = this.offers ?? this.types;
      return { version: '1.0', clientId: this.session, supportedConnectionTypes, advice };
    }
    if (message.clientId !== this.session) return this.unknown(message.clientId);
    if (message.channel !== '/meta/connect') return {};
    return message.advice?.timeout === 0 ? { advice } : undefined;
  }

  #hold(arrival: Arrival): void {
    const { advice } = this;
    const end = (): void => {
      clearTimeout(timer);
      if (!arrival.link.isOver) arrival.reply({ advice });
    };
    const timer = setTimeout(end, advice.timeout);
    this.#held.push({ timer, end });
  }

  /** It holds no more connects. */
  stop(): void {
    for (const { timer } of this.#held) clearTimeout(timer);
  }

  unknown(clientId: string | undefined): Partial<Message> {
    const error = `401:${clientId}:Unknown client`;
    return { successful: false, error, clientId: undefined!, advice: { reconnect: 'handshake', interval: 0 } };
  }

  /** It was restarted, and knows no session. */
  forget(): void {
    this.session = undefined;
    this.connect?.reply(this.unknown(this.connect.message.clientId));
  }

  /** The connect that is held. */
  get connect(): Arrival | undefined {
    return this.sent('/meta/connect').filter(({ isAnswered, link }) => !isAnswered && !link.isOver).at(-1);
  }

  /** Sends what was published, over what holds the connect. */
  publish(channel: string, data: unknown, more: Partial<Message> = {}): void {
    const { connect } = this;
    if (!connect) throw new Error('There is no connect to answer');
    connect.link.push({ channel, data, ...more });
    if (connect.link instanceof RequestLink) connect.reply();
  }

  /** What came for a channel, or all. */
  sent(channel?: string): Arrival[] {
    return channel === undefined ? this.arrivals : this.arrivals.filter(({ message }) => message.channel === channel);
  }

  last(channel: string): Arrival {
    return this.sent(channel).at(-1)!;
  }

  /** What came since this was asked last, as `type channel`. */
  log(): string[] {
    const news = this.arrivals.slice(this.#isRead);
    this.#isRead = this.arrivals.length;
    return news.map(({ type, message }) => `${type} ${message.channel}`);
  }

  /** Every socket or request of a type that was begun. */
  made(type: string): Link[] {
    return this.links.filter((link) => link.type === type);
  }

  get sockets(): SocketLink[] {
    return this.links.filter((link): link is SocketLink => link instanceof SocketLink);
  }

  get socket(): SocketLink {
    return this.sockets.at(-1)!;
  }
}

class ScriptedRequests extends RequestTransport {
  constructor(place: Place, readonly server: Server, readonly type: string) {
    super(place);
  }

  protected exchange(messages: Message[]): Exchange {
    return this.server.request(this.type, this.place.endpoint.href, messages);
  }

  farewell(message: Message): void {
    this.server.farewells.push(message);
  }
}

/** Messages come by a stream, and go by requests. */
class EventTransport extends ScriptedRequests {
  #stream: SocketLink;

  constructor(place: Place, server: Server, type: string) {
    super(place, server, type);
    this.#stream = new SocketLink(type, `${place.endpoint.href}/${place.clientId}`, () => {});
    this.#stream.onopen = () => place.to.opened();
    this.#stream.onmessage = ({ data }) => place.to.received(JSON.parse(data));
    this.#stream.onclose = () => place.to.closed(new Error('Stream closed') as never);
    server.links.push(this.#stream);
    server.begin(this.#stream);
  }

  override close(): void {
    this.#stream.onclose = null;
    this.#stream.close();
    super.close();
  }
}
