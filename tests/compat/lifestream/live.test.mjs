// Entries that arrive while the page is open: pushed, missed while offline, changed
// and deleted; never twice, and in one order in all windows.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { listed, live, shows, titles, untilListed, Wire, withLifestream } from '../lib/lifestream.mjs';
import { NOT_FOR_REFERENCE, until, WATCHDOG } from '../lib/page-window.mjs';

const expected = async (server) => (await listed(server)).entries.map(({ entry }) => entry.title);
const fill = (site) => {
  for (const feed of ['blog', 'photos', 'blog']) site.add(feed);
};
const filled = (server) => untilListed(server, (entries) => entries.length >= 3);

test('entries appear by themselves, once, and in the same order in each window', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill }, async ({ site, server, open }) => {
    await filled(server);
    const first = await open();
    site.add('blog', { title: 'Pushed' });
    await shows(first, 'Pushed');
    const second = await open();
    site.add('photos', { title: 'Pushed to both' });
    // An entry that is older than others has its place among them.
    site.add('photos', { title: 'Late', published: '2026-01-01T00:01:30Z' });
    for (const page of [first, second]) {
      await shows(page, 'Pushed to both');
      await shows(page, 'Late');
    }
    const order = await expected(server);
    assert.deepEqual(order, ['Pushed to both', 'Pushed', 'Entry 3', 'Entry 2', 'Late', 'Entry 1']);
    for (const page of [first, second]) assert.deepEqual(await titles(page), order);
    const ids = await first.locator('#stream > article').evaluateAll((all) => all.map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length);
  });
});

test('what the script shows is what the server writes', NOT_FOR_REFERENCE, async () => {
  const html = '<p>A <b>b</b> &lt;i&gt; <a href="/x?a&b">link</a></p><h2>Head</h2><pre>\n\n code</pre>'
    + '<table><tr><td colspan="2">1</td></tr></table><ul><li>x<li>y</ul><img src="/p.svg" alt="A &quot;b&quot;" width="80" height="50">'
    + '<a href="/y"><img src="/q.svg" alt=""></a><script>alert(1)</script><svg onload="alert(1)"></svg>';
  const entries = (site) => [
    { title: 'Plain', url: 'https://a.example/1' },
    { title: '', html, url: 'https://a.example/2', tags: ['"<x>', 'ü'], author: 'Ana <b>' },
    { title: 'Long', html: `<p>${'word '.repeat(600)}</p>` },
    { title: '<script>&amp;', html: '', files: [{ url: `${site.origin}/a.svg`, type: 'image/svg+xml' }] },
    { title: 'Files', html: '<p>x</p>', files: [{ url: 'https://a.example/a.mp3', type: 'audio/mpeg' },
      { url: 'https://a.example/v.mp4', type: 'video/mp4' }, { url: 'https://a.example/d.pdf', type: 'application/pdf' }] },
  ];
  for (const images of ['show', 'link']) {
    await withLifestream({ more: `[lifestream]\nimages = "${images}"\n` }, async ({ site, server, open }) => {
      const page = await open();
      for (const entry of entries(site)) site.add('blog', entry);
      await until(page, (count) => document.querySelectorAll('#stream > article').length === count, 5);
      const markup = (window) => window.locator('#stream > article').evaluateAll((all) => all.map((element) => {
        const copy = element.cloneNode(true);
        copy.classList.remove('arrived');
        copy.querySelector('time').removeAttribute('title');
        copy.querySelector('time').textContent = '';
        return copy.outerHTML;
      }));
      const written = await open({ javaScriptEnabled: false });
      assert.deepEqual(await markup(page), await markup(written), images);
      assert.equal(await written.locator('#stream script, #stream svg').count(), 0);
      assert.equal(await written.locator('#stream img').count() > 0, images === 'show');
      assert.equal((await listed(server)).entries.length, 5);
    });
  }
});

test('entries of a time without a network are there after it, once', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill }, async ({ site, server, open }) => {
    await filled(server);
    const wire = await new Wire().start(server.origin);
    const page = await open({ origin: wire.origin });
    await page.context().setOffline(true);
    // Chromium leaves open connections alone; a network that is gone does not.
    wire.cut();
    await page.waitForSelector('#state[data-state=interrupted]', WATCHDOG);
    site.add('blog', { title: 'While away' });
    site.change('blog', '1', { title: 'Changed while away' });
    site.delete('photos', '2');
    await untilListed(server, (entries) => {
      const names = entries.map(({ entry }) => entry.title);
      return names.length === 3 && names.includes('While away') && names.includes('Changed while away');
    });
    wire.isUp = true;
    await page.context().setOffline(false);
    await shows(page, 'While away');
    await shows(page, 'Changed while away');
    await until(page, () => document.querySelectorAll('#stream > article').length === 3);
    assert.deepEqual(await titles(page), ['While away', 'Entry 3', 'Changed while away']);
    wire.close();
  });
});

test('entries of a time without the server are there after it, once', NOT_FOR_REFERENCE, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'faye-store-'));
  await withLifestream({ fill, environment: { FAYE_STORE__URL: `sqlite:${folder}/faye.db` } }, async ({ site, server, open }) => {
    await filled(server);
    const page = await open();
    await server.crash();
    await page.waitForSelector('#state:not([data-state=connected])', WATCHDOG);
    site.add('blog', { title: 'While away' });
    await server.start();
    await live(page);
    await shows(page, 'While away');
    assert.deepEqual(await titles(page), ['While away', 'Entry 3', 'Entry 2', 'Entry 1']);
  });
  rmSync(folder, { recursive: true });
});

test('a change replaces an entry, and a deletion leaves a note', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill }, async ({ site, server, open }) => {
    await filled(server);
    const page = await open();
    site.change('photos', '2', { title: 'Entry 2, corrected', html: '<p>Corrected</p>' });
    await shows(page, 'Entry 2, corrected');
    assert.deepEqual(await titles(page), ['Entry 3', 'Entry 2, corrected', 'Entry 1']);
    site.delete('photos', '2');
    await page.waitForSelector('#stream > .removed', WATCHDOG);
    assert.equal(await page.textContent('.removed'), 'An entry of The photos was deleted.');
    assert.equal(await page.textContent('#announcer'), 'An entry was deleted.');
    assert.deepEqual(await titles(page), ['Entry 3', 'Entry 1']);
  });
});

test('a filter changes list, subscription and address without a reload', NOT_FOR_REFERENCE, async () => {
  await withLifestream({ fill }, async ({ site, server, open }) => {
    await filled(server);
    const page = await open();
    await page.evaluate(() => { globalThis.isSamePage = true; });
    await page.click('#filters [data-feed=photos]');
    await until(page, () => document.querySelectorAll('#stream > article').length === 1);
    assert.ok(page.url().endsWith('/lifestream?feed=photos'));
    assert.equal(await page.title(), 'The photos – Lifestream');
    assert.equal(await page.getAttribute('#filters [data-feed=photos]', 'aria-current'), 'page');
    site.add('blog', { title: 'Not here' });
    await untilListed(server, (entries) => entries.length === 4);
    site.add('photos', { title: 'Here' });
    await shows(page, 'Here');
    assert.deepEqual(await titles(page), ['Here', 'Entry 2']);
    await page.goBack();
    await shows(page, 'Not here');
    assert.deepEqual(await titles(page), await expected(server));
    assert.ok(await page.evaluate(() => globalThis.isSamePage));
  });
});

test('a feed that is private keeps the others live', NOT_FOR_REFERENCE, async () => {
  const more = '[[channel]]\nmatch = "/feeds/photos"\nsubscribe = "nobody"\npublish = "nobody"\n';
  await withLifestream({ fill, more }, async ({ site, server, open }) => {
    await untilListed(server, (entries) => entries.length === 2);
    const page = await open();
    site.add('photos', { title: 'Secret' });
    site.add('blog', { title: 'Open' });
    await shows(page, 'Open');
    assert.deepEqual(await titles(page), ['Open', 'Entry 3', 'Entry 1']);
  });
});
