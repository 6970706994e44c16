// Reading: a scrolled reader, older entries, keys, no script, other sites, and
// every width with few and many entries.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { listed, shows, titles, untilListed, withLifestream } from '../lib/lifestream.mjs';
import { listen } from '../lib/page-files.mjs';
import { follow, NOT_FOR_REFERENCE, until, WATCHDOG } from '../lib/page-window.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [360, 768, 1440];

function addMany(site, count) {
  for (let number = 1; number <= count; number += 1) {
    site.add(number % 3 ? 'blog' : 'photos', {
      html: `<p>${'Some words of entry. '.repeat(number % 7 + 1)}</p><p><code>${'x'.repeat(number === count ? 400 : 9)}</code></p>`,
      files: number % 5 ? [] : [{ url: `${site.origin}/${number}.svg`, type: 'image/svg+xml' }],
      tags: ['tag'],
    });
  }
}

const filled = (server, count) => untilListed(server, (entries) => entries.length >= Math.min(count, 200));

/** What axe finds in a page. It runs in a world of its own, which the policy of the page does not bind. */
async function findings(page) {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate',
      { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
    return result.value;
  };
  await evaluate(`${AXE};0`);
  const { found, passed } = await evaluate(`axe.run(document).then(({ violations, passes }) => ({ passed: passes.length,
    found: violations.map(({ id, nodes }) =>
      id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join('; ')) }))`);
  assert.ok(passed > 10, 'the rules ran');
  return found;
}

test('new entries wait behind a button while the reader is not at the top, and nothing moves', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill: (site) => addMany(site, 60) }, async ({ site, server, open }) => {
    await filled(server, 60);
    const page = await open({ viewport: { width: 768, height: 700 } });
    // All entries are there before the shifts are counted, and the images in view too.
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await until(page, () => document.querySelectorAll('#stream > article').length === 60);
    await page.evaluate(() => document.querySelectorAll('#stream > article')[20].scrollIntoView());
    await until(page, () => [...document.images].every(({ loading, complete }) => loading === 'lazy' || complete));
    await page.evaluate(() => {
      globalThis.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shifts += entry.value;
      }).observe({ type: 'layout-shift' });
      globalThis.place = () => document.querySelectorAll('#stream > article')[20]?.getBoundingClientRect().top;
    });
    const top = () => page.evaluate(() => [...document.querySelectorAll('#stream > article h2')]
      .find(({ textContent }) => textContent === 'Entry 40').getBoundingClientRect().top);
    const before = await top();
    // One after the other, so that the text of the button grows.
    for (const [title, text] of [['One', '1 new entry'], ['Two', '2 new entries'], ['Three', '3 new entries']]) {
      site.add('blog', { title });
      await until(page, (wanted) => document.querySelector('#fresh').textContent === wanted, text);
      await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    }
    assert.equal(await top(), before);
    assert.equal(await page.evaluate(() => globalThis.shifts), 0);
    assert.ok((await page.textContent('#announcer')).includes('new entr'));
    assert.ok(!(await titles(page)).includes('One'));
    await page.click('#fresh');
    await until(page, () => scrollY === 0);
    assert.deepEqual((await titles(page)).slice(0, 4), ['Three', 'Two', 'One', 'Entry 60']);
    assert.ok(await page.isHidden('#fresh'));
  });
});

test('older entries load while scrolling, without gap or double, also by the links without scripts', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill: (site) => addMany(site, 130) }, async ({ site, server, open }) => {
    await filled(server, 130);
    const all = (await listed(server)).entries.map(({ entry }) => entry.title);
    assert.equal(all.length, 130);
    const page = await open();
    assert.equal(await page.locator('#stream > article').count() >= 50, true);
    for (;;) {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      if (await page.locator('#stream > article').count() === 130) break;
      await page.waitForTimeout(20);
    }
    assert.deepEqual(await titles(page), all);
    await until(page, () => !document.querySelector('#older'));

    const plain = await open({ javaScriptEnabled: false });
    const read = await titles(plain);
    assert.equal(read.length, 50);
    // Entries that arrive between two pages change neither.
    site.add('blog', { title: 'In between' });
    await untilListed(server, (entries) => entries[0].entry.title === 'In between');
    while (await plain.locator('a[rel=next]').count()) {
      await follow(plain, 'a[rel=next]');
      read.push(...await titles(plain));
    }
    assert.deepEqual(read, all);
    const back = [...await titles(plain)];
    while (await plain.locator('.step[rel=prev]').count()) {
      await follow(plain, '.step[rel=prev]');
      back.unshift(...await titles(plain));
    }
    assert.ok(plain.url().endsWith('/lifestream'), 'the last step leads to the newest page');
    assert.deepEqual([...new Set(back)], ['In between', ...all]);
  });
});

test('without scripts there are filters, permalinks, and all of a long entry', NOT_FOR_REFERENCE, async () => {
  const fill = (site) => {
    site.add('blog', { title: 'Long', html: `<p>Begin ${'word '.repeat(800)} end</p>` });
    site.add('photos');
  };
  await withLifestream({ fill }, async ({ server, open }) => {
    await filled(server, 2);
    const page = await open({ javaScriptEnabled: false });
    assert.equal(await page.locator('.h-feed > .h-entry .u-uid').count(), 2);
    assert.ok(await page.isHidden('#state'));
    await follow(page, '#filters >> text=The blog');
    assert.deepEqual(await titles(page), ['Long']);
    await page.click('summary');
    assert.ok(await page.isVisible('.e-content'));
    await follow(page, '.when');
    assert.match(page.url(), /\/lifestream\/entry\/[0-9a-f-]{36}$/);
    assert.ok((await page.textContent('.e-content')).endsWith('end'));
    await follow(page, 'text=All entries');
    assert.equal(await page.locator('#stream > article').count(), 2);
  });
});

test('j and k move between entries with a visible focus, and can be turned off', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill: (site) => addMany(site, 5) }, async ({ server, open }) => {
    await filled(server, 5);
    const page = await open();
    const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label'));
    await page.keyboard.press('j');
    assert.equal(await focused(), 'Entry 5');
    await page.keyboard.press('j');
    assert.equal(await focused(), 'Entry 4');
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
    await page.keyboard.press('k');
    assert.equal(await focused(), 'Entry 5');
    await page.click('#hint button');
    await page.keyboard.press('j');
    assert.notEqual(await focused(), 'Entry 5');
    await page.reload();
    await page.keyboard.press('j');
    assert.equal(await focused(), null);
  });
});

test('only pages of listed origins embed the page, by one script', NOT_FOR_REFERENCE, async () => {
  const host = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><title>A site</title><body><script src="${host.script}" data-feed="blog" data-limit="1"></script>`);
  });
  const allowed = await listen(host);
  const more = `[lifestream]\nembed_origins = ["${allowed}"]\n`;
  await withLifestream({ fill: (site) => addMany(site, 4), more }, async ({ site, server, browser }) => {
    await filled(server, 4);
    host.script = `${server.origin}/lifestream/embed.js`;
    const page = await browser.newPage();
    await page.goto(allowed);
    const frame = page.frameLocator('iframe');
    await frame.locator('article').first().waitFor(WATCHDOG);
    assert.deepEqual(await frame.locator('#stream > article h2').allTextContents(), ['Entry 4']);
    assert.equal(await page.getAttribute('iframe', 'title'), 'Lifestream');
    site.add('blog', { title: 'Pushed into the frame' });
    await frame.locator('h2', { hasText: 'Pushed into the frame' }).waitFor(WATCHDOG);

    const blocked = await browser.newPage();
    const refusals = [];
    blocked.on('console', (line) => refusals.push(line.text()));
    await blocked.goto(allowed.replace('127.0.0.1', 'localhost'));
    await blocked.waitForSelector('iframe', { ...WATCHDOG, state: 'attached' });
    while (!refusals.some((text) => text.includes('frame-ancestors'))) await blocked.waitForTimeout(20);
    assert.equal(await blocked.frameLocator('iframe').locator('article').count(), 0);
  });
  host.close();
  host.closeAllConnections();
});

for (const count of [0, 1, 500]) {
  test(`a page with ${count} entries fits each width, light and dark, and axe finds nothing`, NOT_FOR_REFERENCE, async () => {
    const more = '[lifestream]\npage = 500\ntitle = "Ana\'s lifestream"\nintro = "All of it."\naccent = "#b03030"\n';
    await withLifestream({ fill: (site) => addMany(site, count), more }, async ({ server, open }) => {
      await filled(server, count);
      for (const colorScheme of ['light', 'dark']) {
        for (const width of WIDTHS) {
          const page = await open({ colorScheme, viewport: { width, height: 900 } });
          assert.equal(await page.locator('#stream > article').count(), count);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
          // The rules do not depend on the number of entries, and time does.
          if (count < 500 || width === WIDTHS[0]) assert.deepEqual(await findings(page), []);
          await page.context().close();
        }
      }
    });
  });
}

test('the page of an entry, of a problem and for other sites have no findings either', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill: (site) => addMany(site, 5) }, async ({ server, open }) => {
    await filled(server, 5);
    const { entry } = (await listed(server)).entries[0];
    for (const path of [`/entry/${entry.id}`, '?feed=none', '/embed', '?feed=blog', `?before=${entry.id}`]) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open({ path: `/lifestream${path}`, isLive: false, colorScheme });
        assert.deepEqual(await findings(page), [], path);
      }
    }
  });
});
