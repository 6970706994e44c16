/**
 * Callback-polling (JSON-P): a script element whose address holds the messages and whose code calls us with the
 * replies. It reaches servers where nothing else does.
 */

import { failure } from '../error.js';
import { isMessage, type Message } from '../message.js';
import { type Exchange, RequestTransport } from './request.js';
import type { Kind } from './transport.js';

/** What servers and proxies commonly take. */
const LONGEST_ADDRESS = 8_000;

let count = 0;

class JsonpTransport extends RequestTransport {
  /** Addresses of more than about 2,000 characters do not pass everywhere, and a quotation mark takes three. */
  protected override readonly largest = 700;

  protected exchange(messages: Message[]): Exchange {
    count += 1;
    const name = `__jsonp${count}__`;
    const globals = globalThis as Record<string, any>;
    const url = new URL(this.place.endpoint.href);
    url.searchParams.set('message', JSON.stringify(messages));
    url.searchParams.set('jsonp', name);
    const script = document.createElement('script');
    const answer = new Promise<Message[] | number>((resolve, reject) => {
      const end = (act: () => void): void => {
        delete globals[name];
        script.remove();
        act();
      };
      globals[name] = (replies: unknown) => end(() => resolve([replies].flat().filter(isMessage)));
      script.onerror = () => end(() => {
        // It says no more; an address of that length is the likely reason.
        if (messages.length === 1 && url.href.length > LONGEST_ADDRESS) resolve(413);
        else reject(failure('Script failed'));
      });
      // What came was no script of the server, if it called nobody: a page to log in on, for example.
      script.onload = script.onerror;
    });
    script.src = url.href;
    document.head.appendChild(script);
    // The script may still arrive; it then has to find something to call.
    return { answer, abort: () => script.remove() };
  }
}

export const callbackPolling: Kind = {
  type: 'callback-polling',
  isUsable: () => typeof document !== 'undefined' && Boolean(document.head),
  open: (place) => new JsonpTransport(place),
};
