// Runs the applications of examples/ as the README there starts them. A note that an application publishes with the push secret
// reaches the page in Chromium, and a page cannot publish itself.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before } from 'node:test';
import { promisify } from 'node:util';

import { launchBrowser } from '../lib/browser-client.mjs';
import { startExample } from '../lib/example.mjs';
import { WATCHDOG } from '../lib/page-window.mjs';
import { DEFAULT_SERVER, OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const run = promisify(execFile);
const NASTY = 'a <b>note</b> & "quotes" żółć';

let browser;
before(async () => { browser = await launchBrowser(); });
after(() => browser?.close());

/** Opens the page of the application and waits for its subscription. */
async function openPage(workbench, url, ready) {
  const page = await browser.newPage();
  workbench.atEnd(() => page.close());
  const mistakes = [];
  page.on('pageerror', (error) => mistakes.push(String(error)));
  workbench.alsoShow(() => `--- the page reported: ${mistakes}`);
  await page.goto(url);
  await page.locator('[role=status]', { hasText: ready }).waitFor(WATCHDOG);
  return { page, mistakes };
}

async function shows(page, text) {
  await page.locator('li', { hasText: text }).first().waitFor(WATCHDOG);
}

/** Nothing but the push secret publishes: a client without it gets the error of the rule. */
async function publishesOnlyWithSecret(server) {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: '/notes', data: { text: 'from outside' } }),
  });
  const [reply] = await response.json();
  assert.equal(reply.successful, false);
  assert.match(reply.error, /^403:/);
}

function applicationPublishes(name, commandFor) {
  return async (workbench) => {
    const { server, url } = await startExample(workbench, name, commandFor);
    const { page, mistakes } = await openPage(workbench, url, 'Listening');
    const second = await openPage(workbench, url, 'Listening');
    await page.fill('[name=text]', NASTY);
    await page.click('button');
    for (const window of [page, second.page]) {
      await shows(window, NASTY);
      assert.deepEqual(await window.locator('li').allTextContents(), [NASTY]);
    }
    await publishesOnlyWithSecret(server);

    const missing = await fetch(`${url}notes`, { method: 'POST', body: new URLSearchParams({ other: 'x' }) });
    assert.equal(missing.status, 400);
    assert.equal((await fetch(`${url}elsewhere`)).status, 404);

    await server.stop();
    const refused = await fetch(`${url}notes`, { method: 'POST', body: new URLSearchParams({ text: 'nobody there' }) });
    assert.equal(refused.status, 502);
    assert.match(await refused.text(), /could not be published/);
    assert.deepEqual([...mistakes, ...second.mistakes], []);
  };
}

function curlPublishes(name, ready, commandFor, { prepare = async () => {} } = {}) {
  return async (workbench) => {
    const { server, url, folder, environment } = await startExample(workbench, name, commandFor);
    await prepare({ folder, environment });
    const { page, mistakes } = await openPage(workbench, url, ready);
    const script = `${folder}/../plain/publish.sh`;
    await run(script, [JSON.stringify({ text: NASTY })], { env: environment });
    await shows(page, NASTY);
    await publishesOnlyWithSecret(server);
    const wrong = { ...environment, FAYE_PUSH_SECRET: 'wrong' };
    await assert.rejects(run(script, ['{"text": "refused"}'], { env: wrong }), /Command failed/);
    assert.deepEqual(await page.locator('li').allTextContents(), [NASTY]);
    assert.deepEqual(mistakes, []);
  };
}

const register = (name, body) => {
  if (DEFAULT_SERVER === OUR_SERVER) registerTest(`the example ${name}`, undefined, body);
};

register('rack', applicationPublishes('rack', (port) => ['rackup', '-o', '127.0.0.1', '-p', String(port)]));
register('php', applicationPublishes('php', (port) => ['php', '-S', `127.0.0.1:${port}`, 'index.php']));
register('wsgi', applicationPublishes('wsgi', () => ['/usr/bin/python3', 'app.py']));
register('express', applicationPublishes('express', () => ['npm', 'start']));
register('react', curlPublishes('react', 'connected', () => ['npm', 'start']));
register('plain', curlPublishes('plain', 'Listening',
  (port) => ['/usr/bin/python3', '-m', 'http.server', String(port), '--bind', '127.0.0.1']));
