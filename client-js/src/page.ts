/**
 * The environment of a browser, a worker or React Native: which transports there are, and what the page goes through.
 */

import type { Environment, Watcher } from './environment.js';
import { callbackPolling } from './transport/jsonp.js';
import { eventSource } from './transport/eventsource.js';
import { crossOriginLongPolling, form, longPolling } from './transport/fetch.js';
import { sharedWorker } from './transport/shared.js';
import { webSocket } from './transport/websocket.js';

/** A page that was hidden for less is not asked whether its connection still works. */
const HIDDEN_MILLISECONDS = 5_000;

const watchers = new Set<Watcher>();

function each(tell: (watcher: Watcher) => void): void {
  for (const watcher of [...watchers]) tell(watcher);
}

let isListening = false;

/** Listens once for all clients. */
function listen(): void {
  if (isListening || typeof addEventListener !== 'function') return;
  isListening = true;
  let hiddenAt = 0;
  addEventListener('online', () => each((watcher) => watcher.wake()));
  addEventListener('offline', () => each((watcher) => watcher.doubt()));
  // A page that may come back from the browser's cache keeps its session.
  addEventListener('pagehide', (event) => {
    each((watcher) => watcher.hide());
    if (!event.persisted) each((watcher) => watcher.leave());
  });
  addEventListener('pageshow', (event) => {
    if (event.persisted) each((watcher) => watcher.wake());
  });
  if (typeof document === 'undefined') return;
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') {
      hiddenAt = Date.now();
      each((watcher) => watcher.hide());
    } else if (Date.now() - hiddenAt > HIDDEN_MILLISECONDS) each((watcher) => watcher.wake());
  });
}

export const page: Environment = {
  // React Native has no page, and its `URL` adds a slash to an address.
  resolve: (endpoint) => (/^\w+:/.test(endpoint) ? { href: endpoint } : new URL(endpoint, location.href)),
  kinds: (options, endpoint) => [
    ...(options.shared ? [sharedWorker(options, endpoint)] : []),
    webSocket, eventSource, longPolling, crossOriginLongPolling, callbackPolling,
  ],
  settings: () => ({ headers: {} }),
  // A form passes without a preflight, for which a page that goes away has no time.
  beacon: ({ href }, message) => navigator.sendBeacon?.(href, form([message])),
  watch: (watcher) => {
    listen();
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
};
