// Windows on the page at `/`, and what the tests of the page do with them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { launchBrowser } from './browser-client.mjs';
import { startServer } from './server.mjs';

export const WATCHDOG = { timeout: 60_000 };

/** npm Faye has no such page. */
export const NOT_FOR_REFERENCE = {
  skip: process.env.FAYE_TARGET === 'reference' && 'npm Faye has no such page',
};

const PHONE = { viewport: { width: 360, height: 844 }, isMobile: true, hasTouch: true };
const run = promisify(execFile);

/** Waits until the page is connected and the server has replied to each of its subscriptions. */
export async function connected(page) {
  await page.waitForSelector('body:not([data-subscriptions=pending]):has(#state[data-state=connected])',
    { ...WATCHDOG, state: 'attached' });
}

/** Waits until the page shows that its connection is interrupted. */
export async function interrupted(page) {
  await page.waitForSelector('#state[data-state=interrupted]', WATCHDOG);
}

/** Waits until an element holds the text; `selector` may match none yet. */
export async function holds(page, selector, text) {
  await until(page, ([where, wanted]) => document.querySelector(where)?.textContent.includes(wanted), [selector, text]);
}

/** Clicks on a link or a button that leads to another page, and waits for that page. */
export async function follow(page, selector) {
  await Promise.all([page.waitForNavigation(WATCHDOG), page.click(selector)]);
}

/** Waits until `test(argument)` is true in the page, also in one that draws nothing. */
export async function until(page, test, argument) {
  await page.waitForFunction(test, argument, { ...WATCHDOG, polling: 50 });
}

/** Runs the line that an element shows in a shell. */
export async function runShownLine(page, selector, environment = {}) {
  const options = { timeout: WATCHDOG.timeout, env: { ...process.env, ...environment } };
  const { stdout } = await run('sh', ['-c', await page.textContent(selector)], options);
  const replies = JSON.parse(stdout);
  assert.ok(replies.length === 1 && replies[0].successful, stdout);
}

/**
 * Gives `body` a server and `open(options)`, which opens a window on the page,
 * each in a context of its own, like that of another visitor. Fails if a script
 * of a page failed or was blocked.
 *
 * @param settings  the text of a file of settings
 */
export async function withPages(body, environment = {}, settings = undefined) {
  const server = await startServer(environment, undefined, settings);
  const browser = await launchBrowser();
  const mistakes = [];
  const open = async ({ isPhone = false, isRefused = false, isUnready = false, prepare = undefined, ...options } = {}) => {
    const context = await browser.newContext({ ...(isPhone ? PHONE : {}), reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.on('pageerror', (error) => mistakes.push(String(error)));
    page.on('console', (line) => {
      if (line.text().includes('Content Security Policy')) mistakes.push(line.text());
    });
    await prepare?.(page);
    await page.goto(`${server.origin}/`);
    if (!isRefused && !isUnready) await connected(page);
    return page;
  };
  try {
    await body({ server, open, browser });
    assert.deepEqual(mistakes, []);
  } finally {
    await browser.close();
    await server.discard();
  }
}
