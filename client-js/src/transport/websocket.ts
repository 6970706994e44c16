/**
 * Messages over a WebSocket. Connects go in frames of their own, because a server answers a frame as a whole when
 * all of it is done.
 */

import { later, type Timer } from '../clock.js';
import { CONNECT } from '../channel.js';
import { FayeError, failure } from '../error.js';
import { type Message, parseMessages } from '../message.js';
import type { Address, Kind, Place, Settings, Transport } from './transport.js';

/** What of a WebSocket is used; the browser's and that of the package `ws` both have it. */
export interface Socket {
  readonly readyState: number;
  onopen: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

const OPEN = 1;
/** The close code for it, RFC 6455 section 7.4.1. */
const TOO_LARGE = 1009;
const LARGEST_FRAME = 65_536;
/** No messages: a server answers with none. */
const QUESTION = '[]';
const CHECK_MILLISECONDS = 5_000;

export function socketUrl(endpoint: Address): string {
  return endpoint.href.replace(/^http/i, 'ws').replace(/#.*$/, '');
}

export class WebSocketTransport implements Transport {
  #place: Place;
  #socket: Socket | undefined;
  #checking: Timer | undefined;
  #isOpen = false;
  #isClosed = false;

  /** `create` may throw, as the browser's does when a policy forbids the address. */
  constructor(place: Place, create: (url: string, settings: Settings) => Socket | Promise<Socket>) {
    this.#place = place;
    void this.#open(create);
  }

  async #open(create: (url: string, settings: Settings) => Socket | Promise<Socket>): Promise<void> {
    const { to, endpoint, settings } = this.#place;
    let socket: Socket;
    try {
      socket = await create(socketUrl(endpoint), settings);
    } catch (error) {
      // Later, when the selector has this transport: it ignores what it does not have.
      await null;
      return this.#closed(failure(`Request failed: ${error}`));
    }
    // A close follows, with its code, in every browser and with ws, where an error that nobody hears ends the process.
    socket.onerror = () => {};
    if (this.#isClosed) return socket.close();
    this.#socket = socket;
    // Something between us and the server may open a socket and let nothing through. All Faye servers answer this.
    socket.onopen = () => socket.send(QUESTION);
    socket.onmessage = (event) => {
      clearTimeout(this.#checking);
      this.#checking = undefined;
      if (!this.#isOpen) {
        this.#isOpen = true;
        to.opened();
      }
      const messages = parseMessages(event.data);
      if (messages && messages.length > 0) to.received(messages);
    };
    socket.onclose = (event) => this.#closed(event?.code === TOO_LARGE
      ? new FayeError(413, [], 'Message too large')
      : failure(`WebSocket closed${event?.code ? ` (${event.code})` : ''}`));
  }

  #closed(error: FayeError): void {
    if (this.#isClosed) return;
    this.close();
    this.#place.to.closed(error);
  }

  send(waiting: Message[]): Message[] {
    if (this.#socket?.readyState !== OPEN) return [];
    let frame: string[] = [];
    let size = 0;
    const flush = (): void => {
      if (frame.length > 0) this.#socket!.send(`[${frame.join()}]`);
      frame = [];
      size = 0;
    };
    for (const message of waiting) {
      const text = JSON.stringify(message);
      if (message.channel === CONNECT) {
        this.#socket.send(`[${text}]`);
        continue;
      }
      if (size + text.length > LARGEST_FRAME) flush();
      frame.push(text);
      size += text.length;
    }
    flush();
    return waiting;
  }

  /** A socket carries many messages; one of them alone cannot be taken back. */
  cancel(): void {}

  check(): void {
    if (this.#socket?.readyState !== OPEN || this.#checking) return;
    this.#socket.send(QUESTION);
    this.#checking = later(() => this.#closed(failure('WebSocket silent')), CHECK_MILLISECONDS);
  }

  farewell(message: Message): void {
    this.send([message]);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#checking);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

export const webSocket: Kind = {
  type: 'websocket',
  isSocket: true,
  isBlockable: true,
  isUsable: () => typeof WebSocket === 'function',
  open: (place) => new WebSocketTransport(place, (url) => new WebSocket(url)),
};
