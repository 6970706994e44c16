/**
 * Callback-polling (JSON-P): a script element whose address holds the messages and whose code calls us with the
 * replies. It reaches servers where nothing else does.
 */

import { failure } from '../error.js';
import { isMessage, type Message } from '../message.js';
import { type Exchange, RequestTransport } from './request.js';
import type { Kind } from './transport.js';

let count = 0;

class JsonpTransport extends RequestTransport {
  /** Addresses of more than about 2,000 characters do not pass everywhere. */
  protected override readonly largest = 1_200;

  protected exchange(messages: Message[]): Exchange {
    count += 1;
    const name = `__jsonp${count}__`;
    const globals = globalThis as Record<string, any>;
    const url = new URL(this.place.endpoint.href);
    url.searchParams.set('message', JSON.stringify(messages));
    url.searchParams.set('jsonp', name);
    const script = document.createElement('script');
    const answer = new Promise<Message[]>((resolve, reject) => {
      globals[name] = (replies: unknown) => {
        delete globals[name];
        script.remove();
        resolve([replies].flat().filter(isMessage));
      };
      script.onerror = () => {
        delete globals[name];
        script.remove();
        reject(failure('The script could not be loaded'));
      };
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
