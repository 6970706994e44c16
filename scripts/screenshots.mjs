// Takes the pictures of the page at `/`: PNG files into the first folder, and the
// frames of plug.gif with their delays into the second.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { launchBrowser } from '../tests/compat/lib/browser-client.mjs';
import { lineIs, reaches, SIDES } from '../tests/compat/lib/page-plug.mjs';
import { startServer } from '../tests/compat/lib/server.mjs';

const [, , pictures, frames] = process.argv;
/** Messages before a picture: the row of squares is well filled. */
const MESSAGES = 24;
const FRAME_MILLISECONDS = 200;
const BEFORE_CUT_FRAMES = 8;
const AFTER_CUT_FRAMES = 18;

const server = await startServer();
const browser = await launchBrowser();

async function open(options) {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(`${server.origin}/`);
  for (const side of SIDES) await lineIs(page, side, 'connected');
  return page;
}

/** The page with client A cut off, from the element `first` on. */
async function takePicture(name, options, first) {
  const page = await open({ viewport: { width: 1280, height: 800 }, ...options });
  for (const side of SIDES) await reaches(page, side, 'received', MESSAGES);
  await page.click('#plug-left [data-part=cut]');
  await lineIs(page, 'left', 'cut');
  await reaches(page, 'left', 'waiting', 7);
  await page.evaluate((selector) => {
    document.activeElement.blur();
    document.querySelector(selector).scrollIntoView();
  }, first);
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.context().close();
}

/** One frame, as long as it is shown; returns when the next one is due. */
async function takeFrame(page, clip, list) {
  const from = performance.now();
  const file = `${String(list.length).padStart(3, '0')}.png`;
  await page.screenshot({ path: join(frames, file), clip, animations: 'allow' });
  const left = FRAME_MILLISECONDS - (performance.now() - from);
  if (left > 0) await page.waitForTimeout(left);
  list.push(`${Math.round((performance.now() - from) / 10)} ${file}`);
}

async function takeMovingPicture() {
  const page = await open({ viewport: { width: 1200, height: 800 }, reducedMotion: 'reduce' });
  for (const side of SIDES) await reaches(page, side, 'received', MESSAGES / 2);
  const { x, y, width, height } = await page.locator('.lines').boundingBox();
  const clip = { x: x - 14, y: y - 14, width: width + 28, height: height + 28 };
  const list = [];
  for (let frame = 0; frame < BEFORE_CUT_FRAMES; frame += 1) await takeFrame(page, clip, list);
  await page.click('#plug-left [data-part=cut]');
  await lineIs(page, 'left', 'cut');
  const isCut = () => page.evaluate(() => document.querySelector('#plug-left').dataset.line !== 'connected');
  while (await isCut()) await takeFrame(page, clip, list);
  for (let frame = 0; frame < AFTER_CUT_FRAMES; frame += 1) await takeFrame(page, clip, list);
  writeFileSync(join(frames, 'delays'), `${list.join('\n')}\n`);
}

try {
  await takePicture('page-light', { colorScheme: 'light' }, 'body');
  await takePicture('page-dark', { colorScheme: 'dark' }, 'body');
  await takePicture('page-phone', {
    colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2,
  }, '.ticker');
  await takeMovingPicture();
} finally {
  await browser.close();
  await server.discard();
}
