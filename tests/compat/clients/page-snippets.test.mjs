// "From your code" on the page at `/`: the text of each tab is run as it is shown,
// and its message arrives.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { makeToken, TOKEN_SECRET } from '../lib/application.mjs';
import { connected, holds, NOT_FOR_REFERENCE, until, WATCHDOG, withPages } from '../lib/page-window.mjs';
import { BACK_ENDS, bundleReact, runSnippet, servePage } from '../lib/snippet-runner.mjs';

const SECRET = 'a push secret of the snippet tests';

/** Data that is hard to quote. */
const HARD = [
  '"it\'s \\"quoted\\" $HOME `id` #{1} #$0 \\\\ \\n </script> \u2603"',
  '{"text": "a\'b", "list": [1, -2.5, true, false, null, {}, []], "<b>": {"#{x}": "\\\\\'"}}',
  'null',
];

async function choose(page, language) {
  await page.click(`#tab-${language}`);
  await until(page, (id) => document.getElementById(id).getAttribute('aria-selected') === 'true', `tab-${language}`);
  return page.textContent('#snippet');
}

/** Runs `act` and waits until the page has received the data. */
async function arrives(page, json, act) {
  const before = await page.locator('#messages li').count();
  await act();
  await until(page, (count) => document.querySelectorAll('#messages li').length > count, before);
  const shown = await page.textContent('#messages li:first-child .data');
  assert.deepEqual(JSON.parse(shown), JSON.parse(json));
}

async function enter(page, value) {
  await page.fill('#key', value);
  await page.press('#key', 'Enter');
  // The page has a new client, and snippets publish at once.
  await connected(page);
}

/** Opens a snippet for browsers in a window of its own. */
async function openSnippet(browser, language, text, options = {}) {
  const isReact = language === 'react';
  const html = isReact ? '<!doctype html><div id="root"></div><script src="/bundle.js"></script>' : text;
  const site = await servePage(html, { ...options, script: isReact ? await bundleReact(text) : '' });
  const window = await (await browser.newContext()).newPage();
  const mistakes = [];
  window.on('pageerror', (error) => mistakes.push(String(error)));
  await window.goto(site.origin);
  return { window, site, mistakes };
}

for (const language of BACK_ENDS) {
  test(`the snippet for ${language} publishes`, NOT_FOR_REFERENCE, async () => {
    await withPages(async ({ server, open }) => {
      const page = await open();
      const text = await choose(page, language);
      assert.ok(text.includes(server.url), text);
      await arrives(page, '"Hello, world"', () => runSnippet(language, text));
      await page.fill('#publish-channel', '/other/channel');
      await page.press('#publish-channel', 'Tab');
      await connected(page);
      for (const json of HARD) {
        await page.fill('#publish-data', json);
        const changed = await page.textContent('#snippet');
        await arrives(page, json, () => runSnippet(language, changed));
      }
      await holds(page, '#messages li:first-child .channel', '/other/channel');
    }, { FAYE_SERVER__MOUNT: '/other/path' });
  });

  test(`the snippet for ${language} presents the secret or token of its environment`, NOT_FOR_REFERENCE, async () => {
    await withPages(async ({ open }) => {
      const page = await open();
      const refused = await choose(page, language);
      // curl prints the reply and succeeds; the programs fail.
      if (language === 'curl') assert.match((await runSnippet(language, refused)).stdout, /"successful": *false/);
      else await assert.rejects(runSnippet(language, refused), /required|Forbidden/);
      await enter(page, SECRET);
      const withSecret = await page.textContent('#snippet');
      await arrives(page, '"Hello, world"', () => runSnippet(language, withSecret, { FAYE_PUSH_SECRET: SECRET }));
      const token = makeToken({ sub: 'anna', publish: '/**', subscribe: '/**' }, 3600);
      await enter(page, token);
      const withToken = await page.textContent('#snippet');
      await arrives(page, '"Hello, world"', () => runSnippet(language, withToken, { FAYE_TOKEN: token }));
    }, {}, `
[push]
secret = "${SECRET}"
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"
[[channel]]
match = "/**"
publish = ["secret", "token"]
`);
  });
}

for (const language of ['browser', 'react']) {
  test(`the snippet for ${language} receives and publishes`, NOT_FOR_REFERENCE, async () => {
    await withPages(async ({ server, open, browser }) => {
      const page = await open();
      for (const json of ['"Hello, world"', ...HARD.slice(0, 2)]) {
        await page.fill('#publish-data', json);
        const text = await choose(page, language);
        assert.ok(text.includes(server.url), text);
        const opened = await openSnippet(browser, language, text);
        try {
          if (language === 'react') {
            await holds(opened.window, 'p', 'connected');
            await arrives(page, json, () => opened.window.click('button'));
          } else {
            await until(page, (count) => document.querySelectorAll('#messages li').length >= count, 1);
          }
          await opened.window.waitForSelector('li', WATCHDOG);
          assert.deepEqual(JSON.parse(await opened.window.textContent('li')), JSON.parse(json));
          assert.deepEqual(opened.mistakes, []);
        } finally {
          opened.site.close();
        }
      }
    });
  });

  test(`the snippet for ${language} uses the token of its user, and never the push secret`, NOT_FOR_REFERENCE, async () => {
    await withPages(async ({ open, browser }) => {
      const page = await open();
      await enter(page, SECRET);
      const text = await choose(page, language);
      assert.ok(!text.includes('publish(') && !text.includes('SECRET'), text);
      const token = makeToken({ sub: 'anna', publish: '/**', subscribe: '/**' }, 3600);
      await enter(page, token);
      const withToken = await page.textContent('#snippet');
      const opened = await openSnippet(browser, language, withToken, { token });
      try {
        if (language === 'react') {
          await holds(opened.window, 'p', 'connected');
          await opened.window.click('button');
        }
        await opened.window.waitForSelector('li', WATCHDOG);
        await holds(page, '#messages li', 'Hello, world');
      } finally {
        opened.site.close();
      }
    }, {}, `
[push]
secret = "${SECRET}"
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"
[[channel]]
match = "/**"
publish = "token"
subscribe = "token"
`);
  });
}

test('the tabs work by keyboard, and the button copies the snippet', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.focus('#tab-curl');
    const order = ['ruby', 'php', 'python', 'node', 'browser', 'react', 'curl'];
    for (const language of order) {
      await page.keyboard.press('ArrowRight');
      assert.equal(await page.evaluate(() => document.activeElement.id), `tab-${language}`);
      assert.equal(await page.locator('[role=tab][aria-selected=true]').count(), 1);
      assert.equal(await page.getAttribute('#snippet-panel', 'aria-labelledby'), `tab-${language}`);
    }
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'tab-react');
    await page.click('[data-copies=snippet]');
    await holds(page, '[data-copies=snippet]', 'Copied');
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.textContent('#snippet'));
  });
});
