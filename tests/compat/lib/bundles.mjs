// The scripts that a page may load: Faye's browser bundle and ours.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const RETRY_SECONDS = 0.1;

export const FAYES_BUNDLE = {
  name: 'the browser bundle',
  text: readFileSync(join(dirname(require.resolve('faye/package.json')), 'client', 'faye-browser.js'), 'utf8'),
  /**
   * Over eventsource the server advises a timeout of 0, and this bundle then
   * waits for replies only a little longer than `retry` before it sends again.
   */
  retryOver: (transport) => (transport === 'eventsource' ? 2 : RETRY_SECONDS),
};

const ours = (file) => readFileSync(fileURLToPath(new URL(`../../../client-js/dist/${file}`, import.meta.url)), 'utf8');

export const OUR_BUNDLE = {
  name: 'our browser bundle',
  text: ours('faye-browser-min.js'),
  workerText: ours('faye-shared-worker.js'),
  retryOver: () => RETRY_SECONDS,
};
