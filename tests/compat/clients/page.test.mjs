// The page at `/` in a browser: it connects by itself, gives the line that
// publishes, and shows what was published, live and after a restart.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchBrowser } from '../lib/browser-client.mjs';
import { publishByPost } from '../lib/publish.mjs';
import { startServer } from '../lib/server.mjs';

const WATCHDOG = { timeout: 60_000 };

test('the page at / shows what is published, live and after a restart', {
  skip: process.env.FAYE_TARGET === 'reference' && 'npm Faye has no such page',
}, async () => {
  const server = await startServer();
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error));
    await page.goto(`${server.origin}/`);
    await page.waitForSelector('#state.up', WATCHDOG);
    const line = await page.textContent('#curl');
    assert.ok(line.includes(server.url) && line.includes('"/hello"'), line);
    const shows = async (text) => {
      await publishByPost(server.url, '/hello', text);
      await page.waitForFunction((wanted) => document.querySelector('li')?.textContent.includes(wanted), text, WATCHDOG);
    };
    await shows('<b>before</b>');
    await server.stop();
    await page.waitForSelector('#state:not(.up)', WATCHDOG);
    await server.start();
    await page.waitForSelector('#state.up', WATCHDOG);
    await shows('after');
    assert.equal(await page.locator('li').count(), 2);
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await server.discard();
  }
});
