/**
 * What a scripted server has of its clients: requests and sockets, each of which a test can answer, break or keep
 * waiting.
 */

import { failure } from '../src/error.js';
import type { Message } from '../src/message.js';
import type { Exchange } from '../src/transport/request.js';
import type { Socket } from '../src/transport/websocket.js';

/** A message that came to the server. */
export class Arrival {
  readonly at = Date.now();
  isAnswered = false;

  constructor(readonly link: Link, readonly message: Message) {}

  get type(): string {
    return this.link.type;
  }

  /** Answers it: as successful, unless the fields say otherwise. */
  reply(fields: Partial<Message> = {}): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    const { channel, id, clientId, subscription } = this.message;
    const own = { id, channel, clientId, subscription };
    this.link.answer(JSON.parse(JSON.stringify({ ...own, successful: true, ...fields })));
  }
}

export interface Link {
  readonly type: string;
  readonly endpoint: string;
  /** Whether one of the sides has ended it. */
  isOver: boolean;
  /** Whether all that comes over it disappears. */
  isMute: boolean;
  arrivals: Arrival[];
  answer(reply: Message): void;
  /** Sends what nobody asked for. */
  push(...messages: Message[]): void;
  /** Ends it as a network does that goes away. */
  cut(code?: number): void;
}

/** One request; its response leaves when each message in it is answered. */
export class RequestLink implements Link {
  isOver = false;
  isMute = false;
  arrivals: Arrival[] = [];
  readonly exchange: Exchange;
  #replies: Message[] = [];
  #resolve!: (answer: Message[] | number) => void;
  #reject!: (error: Error) => void;

  constructor(readonly type: string, readonly endpoint: string) {
    const answer = new Promise<Message[] | number>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.exchange = { answer, abort: () => (this.isOver = true) };
  }

  answer(reply: Message): void {
    this.#replies.push(reply);
    if (this.arrivals.every(({ isAnswered }) => isAnswered)) this.respond(this.#replies);
  }

  /** Into the response, before the reply. */
  push(...messages: Message[]): void {
    this.#replies.push(...messages);
  }

  /** Ends it with a response, or with a status such as 413. */
  respond(answer: Message[] | number): void {
    this.isOver = true;
    this.#resolve(answer);
  }

  cut(): void {
    this.isOver = true;
    this.#reject(failure('The network is away'));
  }
}

/** One socket, as the browser would give it. */
export class SocketLink implements Link, Socket {
  readyState = 0;
  isOver = false;
  isMute = false;
  arrivals: Arrival[] = [];
  onopen: Socket['onopen'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  onmessage: Socket['onmessage'] = null;
  /** What came in each frame. */
  frames: string[] = [];

  constructor(
    readonly type: string,
    readonly endpoint: string,
    readonly receive: (link: SocketLink, messages: Message[]) => void,
  ) {}

  open(): void {
    if (this.isOver) return;
    this.readyState = 1;
    this.onopen?.({});
  }

  answer(reply: Message): void {
    this.push(reply);
  }

  push(...messages: Message[]): void {
    if (this.isOver) return;
    const data = JSON.stringify(messages);
    this.onmessage?.({ data });
  }

  cut(code = 1006): void {
    if (this.isOver) return;
    this.close();
    this.onclose?.({ code });
  }

  // What the client calls.
  send(text: string): void {
    if (this.readyState !== 1) throw new Error('The socket is not open');
    this.frames.push(text);
    // As on a network, nothing is answered while it is sent.
    queueMicrotask(() => this.receive(this, JSON.parse(text)));
  }

  close(): void {
    this.isOver = true;
    this.readyState = 3;
  }
}
