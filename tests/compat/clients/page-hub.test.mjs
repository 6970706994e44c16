// The page of the hub in Chromium, with JavaScript turned off: each form posts
// to the hub and shows its result. Light and dark, contrast, and a narrow screen.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { launchBrowser } from '../lib/browser-client.mjs';
import { faintTexts } from '../lib/contrast.mjs';
import { follow, NOT_FOR_REFERENCE, WATCHDOG } from '../lib/page-window.mjs';
import { startServer } from '../lib/server.mjs';

const TOPIC = 'http://blog.example/feed.xml';

/** A subscriber that confirms everything. */
async function startCallback() {
  const server = createServer((request, response) => {
    response.end(new URL(request.url, 'http://callback').searchParams.get('hub.challenge') ?? '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/callback`, close: () => server.close() };
}

/** Runs `body` with a hub and a browser; fails if the browser has blocked a part of the page. */
async function withHub(options, body) {
  const callback = await startCallback();
  const server = await startServer({
    FAYE_SERVER__PUBLIC_URL: 'https://hub.example',
    FAYE_HUB__ENABLED: 'true',
    FAYE_HUB__POLICY: 'open',
    FAYE_HUB__CALLBACK_NETWORKS: '127.0.0.0/8',
    FAYE_STORE__URL: 'sqlite::memory:',
  });
  const browser = await launchBrowser();
  try {
    const page = await (await browser.newContext(options)).newPage();
    const complaints = [];
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text());
    });
    await page.goto(`${server.origin}/hub`);
    await body({ page, server, callback });
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await server.discard();
    callback.close();
  }
}

/** Fills the fields of the form under a heading, and sends it. Returns the heading and the text of the answer. */
async function send(page, heading, fields) {
  const form = page.locator('section', { has: page.getByRole('heading', { name: heading, exact: true }) }).locator('form');
  for (const [name, value] of Object.entries(fields)) await form.locator(`[name="${name}"]`).fill(value);
  await Promise.all([page.waitForNavigation(WATCHDOG), form.locator('button').click()]);
  return { title: await page.locator('h1').textContent(), text: await page.locator('main').textContent() };
}

test('each form of the page works without JavaScript and leads back', NOT_FOR_REFERENCE, async () => {
  await withHub({ javaScriptEnabled: false }, async ({ page, callback }) => {
    const subscription = { 'hub.topic': TOPIC, 'hub.callback': callback.url };
    const back = () => follow(page, 'text=Back to the hub');

    assert.equal((await send(page, 'Publish', { 'hub.url': TOPIC })).title, 'Published');
    await back();
    const accepted = await send(page, 'Subscribe', { ...subscription, 'hub.secret': 'a secret' });
    assert.equal(accepted.title, 'Request accepted');
    await follow(page, 'text=The status page of the request');
    const address = page.url();
    while (!(await page.locator('main').textContent()).includes('active')) await page.reload();
    const text = await page.locator('main').textContent();
    assert.ok(text.includes('blog.example') && !text.includes('a secret') && !text.includes('/callback'), text);
    await back();
    assert.equal((await send(page, 'Status of a request', { subscription: address })).title, 'Status of a request');
    await back();
    assert.equal((await send(page, 'Unsubscribe', subscription)).title, 'Request accepted');
    await back();
    const refused = await send(page, 'Subscribe', { ...subscription, 'hub.topic': 'http://blog.example/#top' });
    assert.equal(refused.title, 'Request refused');
    assert.ok(refused.text.includes('hub.topic has a fragment'), refused.text);
    await page.goBack();
    assert.equal(await page.locator('[name="hub.topic"]').first().inputValue(), 'http://blog.example/#top');
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`all text of the page of the hub is readable: ${colorScheme}`, NOT_FOR_REFERENCE, async () => {
    await withHub({ colorScheme }, async ({ page, callback }) => {
      assert.deepEqual(await page.evaluate(faintTexts), []);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/hub-${colorScheme}.png`, fullPage: true });
      await send(page, 'Subscribe', { 'hub.topic': 'http://blog.example/#top', 'hub.callback': callback.url });
      assert.deepEqual(await page.evaluate(faintTexts), []);
      await page.goBack();
      await send(page, 'Subscribe', { 'hub.topic': TOPIC, 'hub.callback': callback.url });
      assert.deepEqual(await page.evaluate(faintTexts), []);
      await follow(page, 'text=The status page of the request');
      assert.deepEqual(await page.evaluate(faintTexts), []);
    });
  });
}

test('at 360 pixels nothing of the page of the hub is wider than the screen', NOT_FOR_REFERENCE, async () => {
  await withHub({ viewport: { width: 360, height: 740 } }, async ({ page }) => {
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await width(), 360);
    await send(page, 'Publish', { 'hub.url': TOPIC });
    assert.equal(await width(), 360);
  });
});

test('every field has a label, and a frame or a page of another origin cannot send the forms', NOT_FOR_REFERENCE, async () => {
  await withHub({}, async ({ page, server }) => {
    const nameless = await page.locator('input:not([type=hidden])').evaluateAll((fields) =>
      fields.filter((field) => !field.labels.length).map((field) => field.name));
    assert.deepEqual(nameless, []);
    const policy = (await fetch(`${server.origin}/hub`)).headers.get('content-security-policy');
    assert.match(policy, /frame-ancestors 'none'/);
    const hub = `${server.origin}/hub`;
    await page.goto('about:blank');
    const foreign = page.waitForResponse((response) => response.url() === hub, WATCHDOG);
    await page.setContent(`<form method="post" action="${hub}"><input name="hub.mode" value="publish"><button>x</button></form>`);
    await page.click('button');
    assert.equal((await foreign).status(), 403);
  });
});
