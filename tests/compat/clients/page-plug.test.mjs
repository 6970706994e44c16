// "Pull the plug" on the page at `/`: what its buttons do to the connections, and
// that its counts are those of the messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accepted, counts, lineIs, reaches, recordLine, settle, SIDES, uses } from '../lib/page-plug.mjs';
import { holds, NOT_FOR_REFERENCE, until, WATCHDOG, withPages } from '../lib/page-window.mjs';

const NAMES = { 'websocket': 'WebSocket', 'eventsource': 'EventSource', 'long-polling': 'long-polling' };

/** Asserts that the client received each message once, in the end. */
async function assertComplete(page, side) {
  const { sent, received, waiting, lost, duplicates } = await counts(page, side);
  assert.deepEqual({ received, waiting, lost, duplicates }, { received: sent, waiting: 0, lost: 0, duplicates: 0 }, side);
  assert.ok(sent > 0);
}

test('two clients receive the numbered messages, over WebSocket and by long-polling', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const seen = {};
    const page = await open({ prepare: (window) => { for (const side of SIDES) seen[side] = recordLine(window, side); } });
    await uses(page, 'left', 'WebSocket');
    await uses(page, 'right', 'long-polling');
    for (const side of SIDES) await reaches(page, side, 'received', 3);
    await settle(page);
    for (const side of SIDES) await assertComplete(page, side);
    const published = await accepted(page);
    for (const side of SIDES) assert.ok((await counts(page, side)).sent <= published);
    assert.ok(seen.left.sockets > 0 && seen.right.sockets === 0 && seen.right.requests > 3, JSON.stringify(seen));
    await page.click('#recount');
    for (const side of SIDES) await until(page, (name) => document.querySelector(`#plug-${name} [data-part=sent]`).textContent === '0', side);
    assert.equal(await accepted(page), 0);
    await page.click('#ticker');
    for (const side of SIDES) await reaches(page, side, 'received', 2);
  });
});

/** Cuts the line of client A and returns its connections at the beginning and near the end of the cut. */
async function seenDuringCut(page, seen) {
  for (;;) {
    await page.click('#plug-left [data-part=cut]');
    await lineIs(page, 'left', 'cut');
    const before = { ...seen };
    const right = await counts(page, 'right');
    await reaches(page, 'right', 'received', right.received + 1);
    await until(page, () => document.querySelector('#plug-left').dataset.line !== 'cut'
      || Number(document.querySelector('#plug-left [data-part=waiting]').textContent) >= 3);
    const after = { ...seen };
    const isStillCut = await page.evaluate(() => document.querySelector('#plug-left').dataset.line === 'cut');
    // On a slow machine the cut may be over: only a whole look at one counts.
    if (isStillCut) return [before, after];
    await lineIs(page, 'left', 'connected');
    await uses(page, 'left', 'WebSocket');
  }
}

test('a cut ends the connections of one client for a while, and nothing is lost', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const sockets = [];
    const page = await open({
      prepare: (window) => window.on('websocket', (socket) => { if (socket.url().includes('/line-left')) sockets.push(socket); }),
    });
    await uses(page, 'left', 'WebSocket');
    await lineIs(page, 'right', 'connected');
    for (const side of SIDES) await reaches(page, side, 'received', 2);
    const closed = sockets.at(-1).waitForEvent('close', WATCHDOG);
    const opened = sockets.length;
    const [before, after] = await seenDuringCut(page, recordLine(page, 'left'));
    await closed;
    assert.deepEqual({ ...after, closed: 0 }, { ...before, closed: 0 }, 'nothing is opened during a cut');
    await lineIs(page, 'left', 'connected');
    await uses(page, 'left', 'WebSocket');
    assert.ok(sockets.length > opened, 'a new WebSocket');
    await holds(page, '#plug-left [data-part=cut-text]', 'waited on the server');

    const aborted = page.waitForEvent('requestfailed', {
      ...WATCHDOG, predicate: (request) => request.url().includes('/line-right'),
    });
    await page.click('#plug-right [data-part=cut]');
    await aborted;
    await holds(page, '#plug-right [data-part=cut-text]', 'waited on the server');
    await settle(page);
    for (const side of SIDES) await assertComplete(page, side);
  });
});

test('a flood while both lines are cut arrives afterwards', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    for (const side of SIDES) await reaches(page, side, 'received', 1);
    await page.click('#cut-both');
    for (const side of SIDES) await lineIs(page, side, 'cut');
    await page.click('#flood');
    for (const side of SIDES) await reaches(page, side, 'received', 1001);
    await until(page, () => !document.querySelector('#flood').disabled);
    await settle(page);
    for (const side of SIDES) await assertComplete(page, side);
  });
});

test('a change of the transport keeps the session and loses nothing', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    for (const side of SIDES) {
      const seen = recordLine(page, side);
      for (const transport of ['eventsource', 'long-polling', 'websocket', 'long-polling', 'eventsource', 'websocket']) {
        await page.check(`#plug-${side} input[value=${transport}]`, { force: true });
        await uses(page, side, NAMES[transport]);
        await reaches(page, side, 'received', (await counts(page, side)).received + 2);
      }
      assert.ok(seen.sockets >= 2 && seen.streams >= 2 && seen.requests >= 2, JSON.stringify(seen));
    }
    await settle(page);
    for (const side of SIDES) await assertComplete(page, side);
  });
});

test('a message that is dropped on the way is shown as lost, and one that comes twice as a duplicate', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    // A client cannot notice a frame that is missing between server and page.
    const numberIn = (text) => Number(/"number":(\d+)/.exec(text)?.[1]);
    // The page does not count numbers from before the reply to its subscription.
    let hasBegun = false;
    const prepare = (page) => page.routeWebSocket(/line-left/, (socket) => {
      const server = socket.connectToServer();
      let dropped = 0;
      let doubled = 0;
      server.onMessage((text) => {
        const number = numberIn(text);
        const isOne = hasBegun && String(text).split('"number":').length === 2;
        if (isOne && !dropped) {
          dropped = number;
          return;
        }
        socket.send(text);
        if (isOne && !doubled) {
          doubled = number;
          socket.send(text);
        }
      });
    });
    const page = await open({ prepare });
    await reaches(page, 'left', 'received', 1);
    hasBegun = true;
    await reaches(page, 'left', 'lost', 1);
    await reaches(page, 'left', 'duplicates', 1);
    await until(page, () => document.querySelector('#plug-left .strip .lost'));
    await reaches(page, 'right', 'received', 3);
    await settle(page);
    const { sent, received, lost, duplicates } = await counts(page, 'left');
    assert.deepEqual({ lost, duplicates, received }, { lost: 1, duplicates: 1, received: sent - 1 });
    await assertComplete(page, 'right');
  });
});

test('an outage of the server is reported with what was not accepted and what was missed', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    for (const side of SIDES) await reaches(page, side, 'received', 1);
    assert.ok(await page.isHidden('#outage-report'));
    await server.crash();
    await holds(page, '#outage-state', 'No answer since');
    await holds(page, '#ticker-problem', 'does not answer');
    await until(page, () => document.querySelectorAll('#plug-left .strip .unaccepted').length >= 3);
    await lineIs(page, 'left', 'interrupted');
    await server.start();
    await holds(page, '#outage-state', 'Outage of ');
    for (const side of SIDES) await lineIs(page, side, 'connected');
    for (const side of SIDES) await reaches(page, side, 'received', (await counts(page, side)).received + 2);
    await settle(page);
    const unanswered = Number(/([\d,]+) without a reply/.exec(await page.textContent('#ticker-counts'))[1]);
    assert.ok(unanswered >= 3);
    await holds(page, '#outage-unaccepted', `${unanswered} messages`);
    for (const [index, side] of SIDES.entries()) {
      const { sent, received, lost, waiting } = await counts(page, side);
      assert.equal(received + lost + waiting, sent);
      await until(page, ([id, missed]) => Number.parseInt(document.getElementById(id).textContent, 10) === missed,
        [`outage-missed-${index}`, lost]);
    }
    await page.click('#recount');
    await until(page, () => document.querySelector('#outage-report').hidden);
  });
});
