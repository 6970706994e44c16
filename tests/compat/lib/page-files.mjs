// The web page that holds a browser bundle and the driver, served at an origin
// of its own.

import { createServer } from 'node:http';
import { once } from 'node:events';

import { createDriver } from './client-driver.mjs';

/**
 * Starts the page's driver. Log entries leave the page in batches, one batch at
 * a time, so that they keep their order.
 */
function startDriver(settings) {
  let unsent = [];
  let sending = false;
  async function sendBatches() {
    if (sending) return;
    sending = true;
    while (unsent.length > 0) {
      const batch = unsent;
      unsent = [];
      await window.reportToTest(batch);
    }
    sending = false;
  }
  window.perform = window.createDriver(window.Faye, settings, (entry) => {
    unsent.push(entry);
    sendBatches();
  });
}

export const PAGE_PATH = '/page/';
export const BUNDLE_PATH = `${PAGE_PATH}bundle.js`;
/** The script of our bundle's shared worker. */
export const WORKER_PATH = `${PAGE_PATH}worker.js`;
/** A page without a client, to leave the other for. */
export const EMPTY_PATH = `${PAGE_PATH}empty`;

const html = (head) => ({
  contentType: 'text/html; charset=utf-8',
  body: `<!DOCTYPE html><html><head><title>client</title><link rel="icon" href="data:,">${head}</head><body></body></html>`,
});
const script = (body) => ({ contentType: 'text/javascript; charset=utf-8', body });

const pageFiles = (bundle) => new Map([
  [PAGE_PATH, html(`<script src="${BUNDLE_PATH}"></script><script src="${PAGE_PATH}driver.js"></script>`)],
  [EMPTY_PATH, html('')],
  [BUNDLE_PATH, script(bundle.text)],
  [WORKER_PATH, script(bundle.workerText ?? '')],
  [`${PAGE_PATH}driver.js`, script(`window.createDriver = ${createDriver};\nwindow.startDriver = ${startDriver};`)],
]);

export async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/**
 * Serves the page's files at an origin of their own.
 *
 * @param policy  gives, for the origin by which the page was asked for, its content security policy
 * @param more    further pages: what stands in the head, by path
 * @param answer  (request, response), for requests that are not for a file
 */
export async function startPageServer(bundle, { policy, more = {}, answer } = {}) {
  const files = pageFiles(bundle);
  for (const [path, head] of Object.entries(more)) files.set(path, html(head));
  const server = createServer((request, response) => {
    const file = files.get(request.url);
    if (!file && answer) return answer(request, response);
    response.writeHead(file ? 200 : 404, {
      'Content-Type': file?.contentType ?? 'text/plain',
      // A kept connection could carry a later request that is for the server.
      'Connection': 'close',
      ...(policy && { 'Content-Security-Policy': policy(`http://${request.headers.host}`) }),
    });
    response.end(file?.body ?? 'Not found');
  });
  const origin = await listen(server);
  return {
    origin,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
