/**
 * Long-polling by `fetch`: as JSON where the page comes from the server's origin, as a form everywhere else (a
 * request of that kind needs no preflight).
 */

import { failure } from '../error.js';
import { type Message, parseMessages } from '../message.js';
import { type Exchange, RequestTransport } from './request.js';
import type { Address, Kind } from './transport.js';

/** Outside of a page every endpoint counts as the same origin: nothing there asks for CORS. */
export function isSameOrigin({ href }: Address): boolean {
  return typeof location === 'undefined' || globalThis.navigator?.product === 'ReactNative' || new URL(href).origin === location.origin;
}

export const form = (messages: Message[]): string => `message=${encodeURIComponent(JSON.stringify(messages))}`;

/** What a response means: messages, or a status that says that it is no use to send the same again. */
export function readResponse(status: number, text: string): Message[] | number {
  const messages = parseMessages(text);
  if (messages) return messages;
  if (status === 400 || status === 413) return status;
  throw failure(`The server answered ${status}`);
}

export class FetchTransport extends RequestTransport {
  protected readonly isForm: boolean = false;

  protected exchange(messages: Message[]): Exchange {
    const { endpoint, settings } = this.place;
    const controller = new AbortController();
    // A browser refuses an address with a password in it.
    const [, scheme, credentials, rest] = /^(\w+:\/\/)(?:([^/?#]*)@)?(.*)/.exec(endpoint.href)!;
    const headers: Record<string, string> = this.isForm ? {} : {
      'Content-Type': 'application/json',
      'X-Requested-With': 'XMLHttpRequest',
      ...(credentials && { Authorization: `Basic ${btoa(credentials.replace(/^[^:]*$/, '$&:'))}` }),
    };
    const answer = fetch(`${scheme}${rest}`, {
      method: 'POST',
      body: this.isForm ? form(messages) : JSON.stringify(messages),
      headers: { ...headers, ...settings.headers },
      credentials: this.isForm ? 'include' : 'same-origin',
      cache: 'no-store',
      signal: controller.signal,
    }).then(
      async (response) => readResponse(response.status, await response.text()),
    ).catch((error: unknown) => {
      throw failure((error as Error)?.message ?? String(error));
    });
    return { answer, abort: () => controller.abort() };
  }
}

class FormTransport extends FetchTransport {
  protected override readonly isForm = true;
}

export const longPolling: Kind = {
  type: 'long-polling',
  isBlockable: true,
  isUsable: isSameOrigin,
  open: (place) => new FetchTransport(place),
};

export const crossOriginLongPolling: Kind = {
  type: 'cross-origin-long-polling',
  isBlockable: true,
  isUsable: (endpoint) => !isSameOrigin(endpoint),
  open: (place) => new FormTransport(place),
};
