// The page at `/` for everybody: every button in light and dark, contrast, names,
// keyboard, forced colours, and a narrow screen.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { faintTexts } from '../lib/contrast.mjs';
import { lineIs, reaches, SIDES } from '../lib/page-plug.mjs';
import { holds, NOT_FOR_REFERENCE, until, WATCHDOG, withPages } from '../lib/page-window.mjs';
import { publishByPost } from '../lib/publish.mjs';

const BUTTONS = 'main button, main summary, main input[type=radio]';

/** Presses every button, choice and disclosure of the page once, in the order of the document. */
async function pressAll(page) {
  const pressed = [];
  for (const control of await page.$$(BUTTONS)) {
    const label = await control.evaluate((element) => element.getAttribute('aria-label') ?? (element.labels?.[0] ?? element).textContent.trim());
    assert.notEqual(label, '', 'a button without a name');
    // The cards at the ends of the board have one arrow; a click moves them.
    if (await control.evaluate((element) => element.closest('.arrows') && element.hidden)) continue;
    await control.waitForElementState('enabled', WATCHDOG);
    await control.click({ force: true, timeout: WATCHDOG.timeout });
    pressed.push(label);
  }
  return pressed;
}

for (const colorScheme of ['light', 'dark']) {
  test(`every button can be pressed, and all text is readable: ${colorScheme}`, NOT_FOR_REFERENCE, async () => {
    await withPages(async ({ open }) => {
      const page = await open({ colorScheme });
      for (const side of SIDES) await reaches(page, side, 'received', 1);
      assert.deepEqual(await page.evaluate(faintTexts), []);
      await page.fill('#chat-text', 'a message');
      await page.fill('#card-text', 'a card');
      await page.fill('#key', 'not needed here');
      await page.press('#key', 'Enter');
      await page.waitForSelector('#key-clear', WATCHDOG);
      const pressed = await pressAll(page);
      assert.ok(pressed.length >= 37, pressed.join('\n'));
      await page.waitForSelector('#chat-log li', WATCHDOG);
      await page.waitForSelector('#messages li', WATCHDOG);
      for (const side of SIDES) await lineIs(page, side, 'connected');
      assert.deepEqual(await page.evaluate(faintTexts), []);
      // One of the buttons has paused it.
      await page.click('#ticker');
      await page.click('#cut-both');
      await lineIs(page, 'left', 'cut');
      await reaches(page, 'left', 'waiting', 1);
      assert.deepEqual(await page.evaluate(faintTexts), []);
    });
  });
}

test('the keyboard reaches every control, in the order of the page and with a visible focus', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    const reached = new Set();
    const describe = () => page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null;
      const target = element.matches('.choices input') ? element.nextElementSibling : element;
      const { outlineStyle } = getComputedStyle(target);
      return { name: element.id || element.dataset.part || element.name || element.className || element.tagName, outlineStyle };
    });
    for (;;) {
      await page.keyboard.press('Tab');
      const now = await describe();
      if (!now) break;
      reached.add(now.name);
      assert.notEqual(now.outlineStyle, 'none', now.name);
    }
    for (const name of ['key', 'ticker', 'flood', 'cut-both', 'recount', 'cut', 'plug-left-transport', 'plug-right-transport',
      'publish-channel', 'publish-data', 'feed-pattern', 'messages', 'tab-curl', 'snippet', 'chat-text', 'card-text', 'transport']) {
      assert.ok(reached.has(name), `${name} is not among ${[...reached].join()}`);
    }
    await page.focus('#plug-left [data-part=cut]');
    await page.keyboard.press('Enter');
    await lineIs(page, 'left', 'cut');
  });
});

test('with forced colours and reduced motion the lines still work and nothing moves', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open({ forcedColors: 'active' });
    for (const side of SIDES) await reaches(page, side, 'received', 3);
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
    const colour = (name) => page.evaluate((part) => getComputedStyle(document.querySelector(`.legend .${part}`)).backgroundColor, name);
    assert.notEqual(await colour('received'), await colour('lost'));
    await page.click('#cut-both');
    await lineIs(page, 'right', 'cut');
  });
});

test('at 360 pixels nothing is wider than the screen, also while lines are cut', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open({ isPhone: true });
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    for (const side of SIDES) await reaches(page, side, 'received', 1);
    await page.click('.how summary');
    for (const tab of await page.locator('#languages [role=tab]').all()) {
      await tab.click();
      assert.equal(await width(), 360);
    }
    await page.click('#cut-both');
    await lineIs(page, 'left', 'cut');
    assert.equal(await width(), 360);
  });
});

test('the result of a publication is in view with the button', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    for (const options of [{ viewport: { width: 1280, height: 720 } }, { isPhone: true }]) {
      const page = await open(options);
      await page.locator('#publish-form button').scrollIntoViewIfNeeded();
      await page.locator('#publish-title').evaluate((title) => title.scrollIntoView());
      await page.click('#publish-form button');
      await page.waitForSelector('#messages li', WATCHDOG);
      const isInView = await page.evaluate(() => ['#publish-form button', '#messages li'].every((selector) => {
        const { top, bottom } = document.querySelector(selector).getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight;
      }));
      assert.ok(isInView, JSON.stringify(options));
    }
  });
});

test('the fields of the publish box stay in place while the list grows', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open({ viewport: { width: 1280, height: 900 } });
    const places = () => page.locator('#publish-form :is(input, textarea, button)').evaluateAll((fields) => {
      const { top } = document.querySelector('#publish-form').getBoundingClientRect();
      return fields.map((field) => Math.round(field.getBoundingClientRect().top - top));
    });
    const before = await places();
    for (let number = 1; number <= 12; number += 1) await publishByPost(server.url, '/hello', { number });
    await holds(page, '#messages li:first-child', '{"number":12}');
    assert.deepEqual(await places(), before);
  });
});

test('the bar shows sessions, messages a second and uptime, where health and metrics are public', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    const shows = (name, pattern) => until(page, ([part, wanted]) =>
      new RegExp(wanted).test(document.querySelector(`#activity [data-part=${part}]`).textContent), [name, pattern]);
    await shows('sessions', '^3$');
    await shows('rate', '^[1-9]');
    await shows('uptime', '^[0-9]+ s$');
    await server.crash();
    await until(page, () => document.querySelector('#activity').hidden);
    await server.start();
    await until(page, () => !document.querySelector('#activity').hidden);
  });
  await withPages(async ({ server, open }) => {
    const page = await open();
    for (const side of SIDES) await reaches(page, side, 'received', 6);
    assert.ok(await page.isHidden('#activity'));
    assert.equal((await fetch(`${server.origin}/page/activity.json`)).status, 404);
  }, { FAYE_ADMIN__LISTEN: '127.0.0.1:0' });
});
