// Takes the pictures of the lifestream: with no entry, one and 500, at three
// widths, light and dark, as WebP files into the folder.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { listed, untilListed, withLifestream } from '../tests/compat/lib/lifestream.mjs';

const [, , pictures] = process.argv;
const COUNTS = [0, 1, 500];
const SIZES = [[360, 740], [768, 900], [1440, 900]];
const SCHEMES = ['light', 'dark'];
const QUALITY = 50;
/** The pictures are smaller than the windows. */
const scaleOf = (width) => (width < 700 ? 0.8 : 0.6);
/** Bytes of all pictures. */
const MOST = 300_000;
const MINUTE = 60_000;

const FEEDS = {
  'notes': 'Notes from the harbour', 'code': 'Ana on Forgejo', 'social': '@ana@social.example',
  'music': 'Ana’s scrobbles', 'photos': 'Ana’s photos', 'radio': 'Slow Radio',
};
const SETTINGS = '[lifestream]\npage = 500\ntitle = "Ana’s lifestream"\n'
  + 'intro = "What I write, listen to and build, wherever I do it."\n';

/** The newest entries, newest first: feed, minutes ago, entry. */
function entries(site) {
  return [
    ['social', 3, { title: '', url: 'https://social.example/@ana/1', tags: ['ferry'],
      html: '<p>The new ferry timetable is finally up. I have read it twice, and I believe the 06:40 now stops at both piers.</p>' }],
    ['notes', 42, { title: 'A slower web, on purpose', url: 'https://ana.example/slow-web', author: 'Ana Sol', tags: ['web', 'reading'],
      html: `<p>For a month I read only what arrived by feed. No timeline decided what came next, and nothing asked me to stay.</p>${
        '<p>What I noticed first was the silence. Then I noticed how much people still write, on their own sites, at their own pace.</p>'.repeat(14)}` }],
    ['photos', 75, { title: 'Fog over the pier', url: 'https://photos.example/p/1', html: '<p>Seven in the morning, no wind at all.</p>',
      files: [{ url: `${site.origin}/pier.svg`, type: 'image/svg+xml' }] }],
    ['code', 96, { title: 'Ana pushed to main at ana/tide', url: 'https://code.example/ana/tide',
      html: '<ul><li><code>3f9c2e1</code> Read tide tables of 2027</li><li><code>b81d0aa</code> Fix rounding at low water</li></ul>' }],
    ['music', 121, { title: 'Nils Frahm – Says', url: 'https://music.example/says', html: '' }],
    ['radio', 1500, { title: 'Episode 12: The lighthouse keeper', url: 'https://radio.example/12',
      html: '<p>A conversation with the last keeper of the island.</p>', files: [{ url: 'https://radio.example/12.mp3', type: 'audio/mpeg' }] }],
  ];
}

function fill(site, count) {
  const now = Date.now();
  const add = (feed, minutes, entry) => site.add(feed, { published: new Date(now - minutes * MINUTE).toISOString(), ...entry });
  const newest = entries(site).slice(count === 1 ? 1 : 0).slice(0, count);
  const names = Object.keys(FEEDS);
  for (let number = count; number > newest.length; number -= 1) {
    add(names[number % names.length], 1500 + number * 90, { title: `Entry ${number}`, html: '<p>An older entry.</p>' });
  }
  for (const [feed, minutes, entry] of newest.reverse()) add(feed, minutes, entry);
}

/** A picture of what is in the window; Playwright has no WebP. */
async function take(page, file) {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize();
  const clip = { x: 0, y: 0, width, height, scale: scaleOf(width) };
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY, clip });
  writeFileSync(file, Buffer.from(data, 'base64'));
  return statSync(file).size;
}

mkdirSync(pictures, { recursive: true });
let total = 0;
for (const count of COUNTS) {
  await withLifestream({ feeds: FEEDS, fill: (site) => fill(site, count), more: SETTINGS }, async ({ server, open }) => {
    await untilListed(server, (list) => list.length >= Math.min(count, 200));
    while ((await listed(server, 'limit=1')).last < count) await new Promise((resolve) => { setTimeout(resolve, 100); });
    for (const [width, height] of SIZES) {
      for (const colorScheme of SCHEMES) {
        const page = await open({ colorScheme, viewport: { width, height } });
        await page.evaluate(() => document.fonts.ready);
        total += await take(page, join(pictures, `lifestream-${count}-${width}-${colorScheme}.webp`));
        await page.context().close();
      }
    }
  });
}
if (total > MOST) throw new Error(`the pictures of the lifestream have ${total} bytes; they may have ${MOST}`);
