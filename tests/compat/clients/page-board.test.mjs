// The board on the page at `/`: what one window or a back end does to a card,
// all windows show.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connected, holds, interrupted, NOT_FOR_REFERENCE, runShownLine, until, WATCHDOG, withPages } from '../lib/page-window.mjs';
import { publishByPost } from '../lib/publish.mjs';

const card = (id) => `.card[data-id="${id}"]`;

/** Waits until the page shows the card in the column. */
async function isIn(page, id, column) {
  await page.waitForSelector(`[data-column=${column}] ${card(id)}:not(.dragged)`, WATCHDOG);
}

async function centre(page, selector) {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
}

/** The cards of a column, from top to bottom. */
function order(page, column) {
  return page.locator(`[data-column=${column}] .card`).evaluateAll((cards) => cards.map((one) => one.dataset.id));
}

test('a card that is moved in one window moves in the other', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const [one, other] = [await open(), await open()];
    await one.click(`${card('move')} .on`);
    await isIn(other, 'move', 'doing');
    // The card that was moved keeps the focus, so that keys can go on.
    await one.keyboard.press('ArrowRight');
    await isIn(other, 'move', 'done');
    assert.deepEqual(await order(other, 'done'), ['start', 'move']);
    await one.keyboard.press('ArrowUp');
    await until(other, () => document.querySelector('[data-column=done] .card').dataset.id === 'move');
    await one.keyboard.press('ArrowLeft');
    await isIn(other, 'move', 'doing');
    await holds(other, '#board-news', 'Doing');
    for (const page of [one, other]) assert.deepEqual(await order(page, 'doing'), ['look', 'move']);
  });
});

test('a card is dragged with a mouse, and dropped where the pointer is', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const [one, other] = [await open(), await open()];
    await one.locator('#board').scrollIntoViewIfNeeded();
    const drag = async (id, target) => {
      const from = await centre(one, `${card(id)} .text`);
      await one.mouse.move(from.x, from.y);
      await one.mouse.down();
      await one.mouse.move(target.x, target.y, { steps: 6 });
    };
    const start = await centre(one, card('start'));
    await drag('curl', { x: start.x, y: start.y - 12 });
    await one.mouse.up();
    await isIn(other, 'curl', 'done');
    for (const page of [one, other]) assert.deepEqual(await order(page, 'done'), ['curl', 'start']);
    await drag('window', await centre(one, '[data-column=doing]'));
    await one.keyboard.press('Escape');
    await one.mouse.up();
    await isIn(one, 'window', 'todo');
    assert.equal(await one.locator('.gap, .dragged').count(), 0);
  });
});

test('a finger drags a card at its dots', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const [phone, other] = [await open({ isPhone: true }), await open()];
    await phone.locator('[data-column=doing]').scrollIntoViewIfNeeded();
    const session = await phone.context().newCDPSession(phone);
    const touch = (type, point) =>
      session.send('Input.dispatchTouchEvent', { type, touchPoints: point ? [point] : [] });
    const from = await centre(phone, `${card('curl')} .grip`);
    const to = await centre(phone, '[data-column=doing]');
    await touch('touchStart', from);
    for (const part of [0.2, 0.6, 1]) {
      await touch('touchMove', { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part });
    }
    await touch('touchEnd');
    await isIn(other, 'curl', 'doing');
  });
});

test('a card that is added is everywhere, also in a window that opens later', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const [one, other] = [await open(), await open()];
    await one.fill('#card-text', '<b>a card</b>');
    await one.press('#card-text', 'Enter');
    await holds(other, '[data-column=todo] .card:last-child .text', '<b>a card</b>');
    await one.click('[data-column=todo] .card:last-child .on');
    await holds(other, '[data-column=doing] .card:last-child .text', '<b>a card</b>');
    const late = await open();
    await holds(late, '[data-column=doing] .card:last-child .text', '<b>a card</b>');
    // The one after that asks while the window that answered may be pausing.
    await holds(await open(), '[data-column=doing] .card:last-child .text', '<b>a card</b>');
    assert.equal(await late.locator('.card b').count(), 0);
  });
});

test('a back end moves a card by the line that is shown', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const [one, other] = [await open(), await open()];
    await holds(one, '#board-hint', 'to Doing');
    const [id] = await order(one, 'todo');
    await runShownLine(one, '#board-curl');
    for (const page of [one, other]) await isIn(page, id, 'doing');
    await publishByPost(server.url, '/demo/board/cards/from-outside', { column: 'done', text: 'from outside' });
    for (const page of [one, other]) await isIn(page, 'from-outside', 'done');
  });
});

test('rubbish on the channels of the board changes nothing', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    const before = await page.locator('#board').textContent();
    const whole = { column: 'done', text: 'x', place: 0, version: 5, tie: 0 };
    const rubbish = [
      null, 1, 'x', [], {}, { column: 'nowhere' }, { ...whole, text: '' }, { ...whole, text: 'x'.repeat(201) },
      { ...whole, text: 1 }, { ...whole, version: 1.5 }, { ...whole, version: 1e10 }, { ...whole, version: '9' },
      { ...whole, place: null }, { ...whole, tie: -1 }, { ...whole, column: '__proto__' },
    ];
    for (const data of rubbish) {
      await publishByPost(server.url, '/demo/board/cards/start', data);
      await publishByPost(server.url, '/demo/board/state', data);
      await publishByPost(server.url, '/demo/board/state', { cards: [data, { id: 'start', ...Object(data) }] });
    }
    for (const id of ['UPPER', 'x'.repeat(25), 'a_b']) {
      await publishByPost(server.url, `/demo/board/cards/${id}`, { column: 'done', text: 'x' });
    }
    const tooMany = Array.from({ length: 61 }, (_, number) => ({ ...whole, id: `card-${number}` }));
    await publishByPost(server.url, '/demo/board/state', { cards: tooMany });
    await publishByPost(server.url, '/hello', 'all were before this');
    await holds(page, '#messages li', 'all were before this');
    assert.equal(await page.locator('#board').textContent(), before);
    await publishByPost(server.url, '/demo/board/state', { cards: tooMany.slice(0, 60) });
    await until(page, () => document.querySelectorAll('.card').length === 60);
  });
});

test('a card that cannot be published goes back, and windows agree after a restart', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const [one, other] = [await open(), await open()];
    await one.click(`${card('move')} .on`);
    await isIn(other, 'move', 'doing');
    await server.stop();
    // A page that has not noticed the outage still shows that it is connected.
    for (const page of [one, other]) await interrupted(page);
    await one.click(`${card('move')} .on`);
    await holds(one, '#board-problem', 'Not moved: ');
    await isIn(one, 'move', 'doing');
    await server.start();
    for (const page of [one, other]) await connected(page);
    await one.click(`${card('move')} .on`);
    for (const page of [one, other]) await isIn(page, 'move', 'done');
    await holds(await open(), '[data-column=done]', await one.textContent(`${card('move')} .text`));
  });
});
