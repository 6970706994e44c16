// The page at `/` where rules refuse, where handshakes are refused, and with the
// push secret or a token in its field.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeToken, TOKEN_SECRET } from '../lib/application.mjs';
import { lineIs, reaches, SIDES } from '../lib/page-plug.mjs';
import { connected, holds, NOT_FOR_REFERENCE, until, WATCHDOG, withPages } from '../lib/page-window.mjs';

const SECRET = 'a push secret of the page tests: ü';

const CLOSED = `
[push]
secret = "${SECRET}"
[[channel]]
match = "/**"
publish = "secret"
subscribe = "secret"
`;

/** A token by which its holder may do everything. */
const token = () => makeToken({ sub: 'anna', publish: '/**', subscribe: '/**' }, 3600);

async function enter(page, value) {
  await page.fill('#key', value);
  await page.click('#key-form button:not([type=button])');
}

/** Every part of the page works. */
async function assertAllWorks(page) {
  await connected(page);
  for (const side of SIDES) {
    await lineIs(page, side, 'connected');
    await reaches(page, side, 'received', 2);
  }
  await page.fill('#chat-text', 'allowed');
  await page.press('#chat-text', 'Enter');
  await holds(page, '#chat-log li:last-child .text', 'allowed');
  await page.click('#publish-form button');
  await holds(page, '#messages li', '/hello "Hello, world"');
  await page.click('.card[data-id=move] .on');
  await page.waitForSelector('[data-column=doing] .card[data-id=move]', WATCHDOG);
  for (const selector of ['#ticker-problem', '#chat-problem', '#board-problem', '#feed-note']) {
    await until(page, (where) => document.querySelector(where).textContent === '', selector);
  }
}

/** Every part of the page says that it is refused. */
async function assertAllIsRefused(page) {
  await holds(page, '#ticker-problem', 'The server refuses publications to /demo/ticker/');
  for (const side of SIDES) {
    await lineIs(page, side, 'refused');
    await holds(page, `#plug-${side} [data-part=state]`, 'Subscription refused: ');
  }
  await holds(page, '#chat-problem', 'The chat does not receive: ');
  await holds(page, '#board-problem', 'The board does not receive: ');
  await holds(page, '#feed-note', 'Not subscribed: ');
  await page.fill('#chat-text', 'refused');
  await page.press('#chat-text', 'Enter');
  await holds(page, '#chat-problem', 'Not sent: ');
  await page.click('#publish-form button');
  await holds(page, '#publish-note', 'Not published: ');
  await page.click('.card[data-id=curl] .on');
  await holds(page, '#board-problem', 'Not moved: ');
  await page.waitForSelector('[data-column=todo] .card[data-id=curl]', WATCHDOG);
}

test('where rules refuse every part says so, and works with the push secret', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    await assertAllIsRefused(page);
    await enter(page, 'a wrong secret');
    await holds(page, '#key-note', 'Sent as the push secret');
    await holds(page, '#ticker-problem', 'The server refuses publications to /demo/ticker/');
    await enter(page, SECRET);
    await assertAllWorks(page);
    await page.click('#key-clear');
    await holds(page, '#key-note', 'Only needed where rules require one');
    assert.equal(await page.inputValue('#key'), '');
    await assertAllIsRefused(page);
  }, {}, CLOSED);
});

test('the field takes a token, also where the fields of ext have other names', NOT_FOR_REFERENCE, async () => {
  for (const field of ['token', 'jwt"<&']) {
    const settings = `
[token]
field = '${field}'
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"
[[channel]]
match = "/**"
publish = "token"
subscribe = "token"
`;
    await withPages(async ({ open }) => {
      const page = await open();
      await holds(page, '#ticker-problem', 'The server refuses publications');
      await enter(page, token());
      await holds(page, '#key-note', 'Sent as a token');
      await assertAllWorks(page);
    }, {}, settings);
  }
});

test('a secret is taken from another field of ext', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    await enter(page, SECRET);
    await assertAllWorks(page);
  }, {}, CLOSED.replace('[push]', '[push]\nfield = "key"'));
});

test('a refused handshake is explained, and the secret helps', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open({ isRefused: true });
    await holds(page, '#trouble', 'The server refused the handshake: ');
    await page.waitForSelector('#state:not([data-state=connected])');
    for (const side of SIDES) await until(page, (name) => !['connected', 'cut'].includes(document.querySelector(`#plug-${name}`).dataset.line), side);
    await enter(page, SECRET);
    await connected(page);
    await until(page, () => document.querySelector('#trouble').hidden);
    await assertAllWorks(page);
  }, {}, `[push]\nsecret = "${SECRET}"\n[handshake]\nallow = "secret"\n`);
});

test('the secret is not kept over a reload and is not shown in a snippet', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    await enter(page, SECRET);
    for (const tab of await page.locator('#languages [role=tab]').all()) {
      await tab.click();
      assert.ok(!(await page.textContent('#snippet')).includes(SECRET));
    }
    assert.equal(await page.getAttribute('#key', 'type'), 'password');
    await page.reload();
    await holds(page, '#ticker-problem', 'The server refuses publications');
    assert.equal(await page.inputValue('#key'), '');
    assert.deepEqual(await page.evaluate(() => [localStorage.length, Object.values(sessionStorage).join()].join()
      .includes('secret')), false);
  }, {}, CLOSED);
});
