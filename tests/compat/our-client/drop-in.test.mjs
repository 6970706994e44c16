// One page, written for Faye's client by Faye's documentation, with Faye's script
// and with ours: the same happens.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launchBrowser } from '../lib/browser-client.mjs';
import { FAYES_BUNDLE, OUR_BUNDLE } from '../lib/bundles.mjs';
import { startFront } from '../lib/front.mjs';
import { FAYES_SERVER, OUR_SERVER, startServer } from '../lib/server.mjs';
import { fayesPage } from '../lib/fayes-page.mjs';

const WATCHDOG = { timeout: 60_000 };

/** What the page recorded, and what the server saw of it. */
async function run(browser, bundle, serverKind, disabled) {
  const server = await startServer({}, serverKind);
  const front = await startFront(server.origin, bundle);
  const page = await browser.newPage();
  try {
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    const headers = new Set();
    page.on('request', (request) => {
      if (request.method() === 'POST') headers.add(request.headers()['x-test'] ?? 'none');
    });
    await page.goto(`${front.origin}/page/`);
    const recorded = await page.evaluate(fayesPage, disabled);
    assert.deepEqual(errors, []);
    assert.deepEqual([...headers], ['seen']);
    return recorded;
  } finally {
    await page.close();
    front.close();
    await server.discard();
  }
}

for (const serverKind of [OUR_SERVER, FAYES_SERVER]) {
  describe(`a page written for Faye's client, with ${serverKind}`, () => {
    let browser;
    before(async () => { browser = await launchBrowser(); });
    after(() => browser?.close());
    for (const disabled of [[], ['websocket', 'eventsource']]) {
      test(`runs with either script, without ${disabled.join(' and ') || 'nothing'}`, WATCHDOG, async () => {
        const theirs = await run(browser, FAYES_BUNDLE, serverKind, disabled);
        const ours = await run(browser, OUR_BUNDLE, serverKind, disabled);
        for (const subject of Object.keys({ ...theirs, ...ours })) assert.deepEqual(ours[subject], theirs[subject], subject);
      });
    }
  });
}
