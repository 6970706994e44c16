/**
 * One connection for many tabs: messages go to a SharedWorker, which has the session with the server. To this tab it
 * looks like a server.
 */

import { failure } from '../error.js';
import type { Message } from '../message.js';
import type { ClientOptions } from '../options.js';
import type { ToTab, ToWorker } from '../shared/port.js';
import { VERSION } from '../version.js';
import { type Address, below, type Kind, type Place, type Transport } from './transport.js';

function scriptFor({ shared }: ClientOptions, endpoint: Address): string {
  if (typeof shared === 'string') return shared;
  return `${below(endpoint)}/faye-shared-worker.js`;
}

class SharedTransport implements Transport {
  #port: MessagePort;
  /** Ends the lock by which the worker sees that this tab is there. */
  #release: (() => void) | undefined;

  constructor({ endpoint, settings, to }: Place, script: string, options: ClientOptions) {
    // Tabs that were opened before an upgrade of the script keep a worker of their own.
    const worker = new SharedWorker(script, `faye ${VERSION} ${endpoint.href}`);
    this.#port = worker.port;
    worker.onerror = () => to.closed(failure('Worker failed'));
    this.#port.onmessage = ({ data }: MessageEvent<ToTab>) => {
      if (data.type === 'ready') to.opened();
      else if (data.type === 'messages') to.received(data.messages);
      else to.relayed(data.up, failure(data.reason), data.retryIn);
    };
    const { timeout, interval, retry, maxRetry, ack, replay } = options;
    const endpoints = Object.fromEntries(
      Object.entries(options.endpoints ?? {}).map(([type, url]) => [type, new URL(String(url), location.href).href]));
    const open = (lock: string | undefined): void => this.#say({
      type: 'open', url: endpoint.href, headers: { ...settings.headers }, lock,
      options: { timeout, interval, retry, maxRetry, ack, replay, endpoints },
    });
    const lock = `faye ${Math.random()}`;
    if (!navigator.locks) open(undefined);
    else void navigator.locks.request(lock, () => new Promise<void>((resolve) => {
      this.#release = resolve;
      open(lock);
    })).catch(() => open(undefined));
  }

  #say(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  send(waiting: Message[]): Message[] {
    this.#say({ type: 'send', text: JSON.stringify(waiting) });
    return waiting;
  }

  cancel(): void {}

  check(): void {
    this.#say({ type: 'check' });
  }

  farewell(message: Message): void {
    this.send([message]);
  }

  close(): void {
    this.#say({ type: 'close' });
    this.#release?.();
    this.#port.onmessage = null;
    this.#port.close();
  }
}

export const sharedWorker = (options: ClientOptions, endpoint: Address): Kind => ({
  type: 'shared',
  isSocket: true,
  isBlockable: true,
  ownsSession: true,
  isUsable: () => typeof SharedWorker === 'function',
  open: (place) => new SharedTransport(place, scriptFor(options, endpoint), options),
});
