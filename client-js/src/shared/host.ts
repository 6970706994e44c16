/**
 * The shared worker: one client for each endpoint, used by all tabs. To each tab it answers as a server would.
 */

import { CONNECT, DISCONNECT, HANDSHAKE, SUBSCRIBE, UNSUBSCRIBE, patternsOf } from '../channel.js';
import type { BaseClient } from '../client.js';
import type { FayeError } from '../error.js';
import type { Message } from '../message.js';
import type { ClientOptions } from '../options.js';
import type { Subscription } from '../subscription.js';
import type { ToTab, ToWorker } from './port.js';

type ClientClass = new (endpoint: string, options: ClientOptions) => BaseClient;

/** How often a tab asks whether we are there. */
const INTERVAL = 20_000;
const advice = { reconnect: 'retry', interval: INTERVAL, timeout: 0 } as const;

interface Tab {
  readonly port: MessagePort;
  readonly subscriptions: Map<string, Subscription>;
  hub: Hub | undefined;
}

/** One session with a server, and the tabs that use it. */
class Hub {
  #client: BaseClient;
  #tabs = new Set<Tab>();
  /** What tabs last sent as `ext` with a handshake, and with the subscription of each channel. */
  #ext = new Map<string, Message['ext']>();
  /** Replies to handshakes that wait for the server. */
  #greeting: ((error: FayeError | undefined) => void)[] = [];

  #empty: () => void;

  /** `empty` is called when the last tab has gone: the next one begins anew. */
  constructor(Client: ClientClass, open: ToWorker & { type: 'open' }, empty: () => void) {
    this.#empty = empty;
    const client = new Client(open.url, open.options as ClientOptions);
    this.#client = client;
    for (const [name, value] of Object.entries(open.headers)) client.setHeader(name, value);
    client.addExtension({
      outgoing: (message: Message, callback: (message: Message) => void) => {
        const ext = this.#ext.get(String(message.subscription ?? message.channel));
        if (ext && (message.channel === HANDSHAKE || message.channel === SUBSCRIBE)) message.ext = { ...message.ext, ...ext };
        callback(message);
      },
      incoming: (message: Message, callback: (message: Message) => void) => {
        if (message.successful === undefined && message.data !== undefined) this.#deliver(message);
        callback(message);
      },
    });
    client.on('connection', ({ state, reason, error, retryIn }) => {
      if (state === 'connected') for (const answer of this.#greeting.splice(0)) answer(undefined);
      else if (error && state !== 'interrupted') this.#refused(error);
      if (state === 'connecting') return;
      for (const tab of this.#tabs) say(tab, { type: 'state', up: state === 'connected', reason, retryIn });
    });
    client.on('subscription:refused', ({ channel, error }) => {
      for (const tab of this.#tabs) {
        if (!tab.subscriptions.delete(channel)) continue;
        reply(tab, { channel: SUBSCRIBE, successful: false, subscription: channel, error: written(error) });
      }
    });
  }

  /** The server wants nobody: tabs have to shake hands again, perhaps with another token. */
  #refused(error: FayeError): void {
    const waiting = this.#greeting.splice(0);
    for (const answer of waiting) answer(error);
    if (waiting.length > 0) return;
    for (const tab of this.#tabs) {
      reply(tab, { channel: CONNECT, successful: false, error: '401::Unknown client', advice: { reconnect: 'handshake', interval: 0 } });
    }
  }

  #deliver(message: Message): void {
    const patterns = patternsOf(message.channel);
    for (const tab of this.#tabs) {
      if (patterns.some((pattern) => tab.subscriptions.has(pattern))) reply(tab, message);
    }
  }

  join(tab: Tab): void {
    this.#tabs.add(tab);
  }

  leave(tab: Tab): void {
    if (!this.#tabs.delete(tab)) return;
    for (const subscription of tab.subscriptions.values()) subscription.cancel();
    tab.subscriptions.clear();
    if (this.#tabs.size > 0) return;
    this.#empty();
    this.#client.disconnect();
  }

  check(): void {
    this.#client.wake();
  }

  handle(tab: Tab, message: Message): void {
    const { channel, id, ext, subscription } = message;
    const answer = (error: FayeError | undefined, more: Partial<Message> = {}): void => {
      reply(tab, { id: id!, channel, successful: !error, ...(error && { error: written(error) }), ...more });
    };
    if (channel === HANDSHAKE) {
      this.#ext.set(HANDSHAKE, ext);
      const greet = (error: FayeError | undefined): void => answer(error, error
        ? { advice: { reconnect: 'handshake' } }
        : { version: '1.0', clientId: this.#client.clientId!, supportedConnectionTypes: ['shared'], advice });
      if (this.#client.state === 'connected') return greet(undefined);
      this.#greeting.push(greet);
      this.#client.connect();
    } else if (channel === CONNECT) answer(undefined, { advice });
    else if (channel === DISCONNECT) {
      answer(undefined);
      this.leave(tab);
    } else if (channel === SUBSCRIBE) {
      const name = String(subscription);
      this.#ext.set(name, ext);
      tab.subscriptions.get(name)?.cancel();
      const made = this.#client.subscribe(name);
      tab.subscriptions.set(name, made);
      const done = (error: FayeError | undefined): void => {
        if (error && tab.subscriptions.get(name) === made) tab.subscriptions.delete(name);
        answer(error, { subscription: name });
      };
      made.then(() => done(undefined), done);
    } else if (channel === UNSUBSCRIBE) {
      const name = String(subscription);
      tab.subscriptions.get(name)?.cancel();
      tab.subscriptions.delete(name);
      if (![...this.#tabs].some(({ subscriptions }) => subscriptions.has(name))) this.#ext.delete(name);
      answer(undefined, { subscription: name });
    } else {
      const { clientId: _, id: __, ...content } = message;
      this.#client.publishMessage(content as Message).then(() => answer(undefined), answer);
    }
  }
}

/** An error field, as it was or would have been on the wire. */
const written = (error: FayeError): string => (error.code === null ? error.message : error.toString());

function say({ port }: Tab, message: ToTab): void {
  port.postMessage(message);
}

function reply(tab: Tab, message: Message): void {
  say(tab, { type: 'messages', messages: [message] });
}

/** Serves every tab that connects to this worker. */
export function host(Client: ClientClass): void {
  const hubs = new Map<string, Hub>();
  const open = (tab: Tab, message: ToWorker & { type: 'open' }): void => {
    const hub = hubs.get(message.url) ?? new Hub(Client, message, () => hubs.delete(message.url));
    hubs.set(message.url, hub);
    tab.hub = hub;
    hub.join(tab);
    say(tab, { type: 'ready' });
    // The tab holds the lock as long as it lives, however it ends.
    if (message.lock) void navigator.locks.request(message.lock, () => hub.leave(tab));
  };
  addEventListener('connect', (event) => {
    const [port] = (event as MessageEvent).ports;
    const tab: Tab = { port: port!, subscriptions: new Map(), hub: undefined };
    port!.onmessage = ({ data }: MessageEvent<ToWorker>) => {
      if (data.type === 'open') open(tab, data);
      else if (data.type === 'send') for (const message of JSON.parse(data.text)) tab.hub?.handle(tab, message);
      else if (data.type === 'check') tab.hub?.check();
      else tab.hub?.leave(tab);
    };
  });
}
