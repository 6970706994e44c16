// Several pages of one browser with one session between them, in a SharedWorker.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openElsewhere, openFront, registerOurScenarios,
} from '../lib/our-scenarios.mjs';
import { WORKER_PATH } from '../lib/page-files.mjs';
import { publishByPost } from '../lib/publish.mjs';
import { FAYES_SERVER, OUR_SERVER } from '../lib/server.mjs';

/** What `/metrics` says now. */
async function metric(server, name) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);
}

/** Resolves when a gauge has that value: the watchdog is the only bound. */
async function metricBecomes(server, name, value) {
  while (await metric(server, name) !== value) await new Promise((resolve) => { setTimeout(resolve, 20); });
}

/** Opens pages one after the other in one browser context. */
async function openPages(workbench, browser, server, { count = 2, shared = true, elsewhere = false } = {}) {
  const front = await openFront(workbench, server);
  const { origin } = elsewhere ? await openElsewhere(workbench) : front;
  const inContext = await browser.newContext();
  workbench.atEnd(() => inContext.close());
  const pages = [];
  for (let number = 0; number < count; number += 1) {
    pages.push(await workbench.openClient(server, {
      pageOrigin: origin, endpoint: front.endpoint, transport: 'shared', inContext, options: { shared },
    }));
  }
  return { front, pages };
}

async function bothHear(server, pages, channel, value) {
  await publishByPost(server.url, channel, value);
  for (const page of pages) await page.delivery(channel, value);
}

async function oneSession(workbench, browser, shared) {
  const server = await workbench.startServer();
  const { pages } = await openPages(workbench, browser, server, { shared });
  const [first, second] = pages;
  for (const page of pages) {
    await page.subscribe('/both');
    assert.equal(await page.perform('connectionType'), 'shared');
  }
  await first.subscribe('/first');
  await bothHear(server, pages, '/both', 'to both');
  await second.publish('/first', 'from the second');
  await first.delivery('/first', 'from the second');
  assert.deepEqual(second.received().map(({ data }) => data), ['to both']);
  if (workbench.serverKind === OUR_SERVER) assert.equal(await metric(server, 'faye_sessions'), 1);

  await first.page.close();
  const mark = second.log.mark();
  await publishByPost(server.url, '/both', 'to one');
  await second.delivery('/both', 'to one', mark);
  assertNoPageErrors(second);
  if (workbench.serverKind === OUR_SERVER) {
    await metricBecomes(server, 'faye_subscriptions', 1);
    await second.page.close();
    await metricBecomes(server, 'faye_sessions', 0);
  }
  await server.stop();
}

async function overlapsDeliverOnce(workbench, browser) {
  const server = await workbench.startServer();
  const { pages: [first, second] } = await openPages(workbench, browser, server, { shared: WORKER_PATH });
  for (const pattern of ['/overlap/*', '/overlap/**', '/**']) await first.subscribe(pattern);
  await second.subscribe('/overlap/channel');
  await publishByPost(server.url, '/overlap/channel', 'once');
  await publishByPost(server.url, '/overlap/channel', 'sentinel');
  for (const pattern of ['/overlap/*', '/overlap/**', '/**']) {
    await first.delivery(pattern, 'sentinel');
    assert.deepEqual(first.delivered(pattern), ['once', 'sentinel']);
  }
  await second.delivery('/overlap/channel', 'sentinel');
  for (const page of [first, second]) {
    assert.deepEqual(page.received().map(({ data }) => data), ['once', 'sentinel']);
    assertNoPageErrors(page);
  }
  // What one page leaves stays for the other.
  await first.perform('unsubscribe', '/overlap/*');
  await second.subscribe('/overlap/*');
  await first.perform('unsubscribe', '/**');
  await publishByPost(server.url, '/overlap/channel', 'later');
  await second.delivery('/overlap/*', 'later');
  await first.delivery('/overlap/**', 'later');
  assert.ok(!first.delivered('/**').includes('later'));
  await server.stop();
}

function recoversAfter(ends) {
  return async (workbench, browser) => {
    const server = await workbench.startServer();
    const { pages } = await openPages(workbench, browser, server, { shared: WORKER_PATH });
    for (const page of pages) await page.subscribe('/lasting');
    await bothHear(server, pages, '/lasting', 'before');

    const marks = pages.map((page) => page.log.mark());
    await server[ends]();
    for (const [index, page] of pages.entries()) {
      await connectionEvent(page, ({ state }) => state === 'interrupted', marks[index]);
    }
    const published = pages[0].perform('publishAll', '/lasting', [1, 2, 3]);
    await server.start();
    for (const [index, page] of pages.entries()) {
      await connectionEvent(page, ({ state }) => state === 'connected', marks[index]);
    }
    assert.ok((await published).every(({ ok }) => ok));
    if (workbench.serverKind === OUR_SERVER) await metricBecomes(server, 'faye_subscriptions', 1);
    else await pages[0].publish('/other', 'a round trip');
    for (const [index, page] of pages.entries()) {
      await publishByPost(server.url, '/lasting', `after ${index}`);
      await page.delivery('/lasting', `after ${index}`);
      assert.equal(page.delivered('/lasting').filter((data) => data === `after ${index}`).length, 1);
      assertNoPageErrors(page);
    }
    if (workbench.serverKind === OUR_SERVER) assert.equal(await metric(server, 'faye_sessions'), 1);
    await server.stop();
  };
}

/** Each page has a connection of its own, and everything works. */
async function fallsBack(workbench, browser, options) {
  const server = await workbench.startServer();
  const { pages } = await openPages(workbench, browser, server, options);
  for (const page of pages) await page.subscribe('/both');
  await bothHear(server, pages, '/both', 'to both');
  await pages[0].publish('/both', 'from the first');
  for (const page of pages) {
    await page.delivery('/both', 'from the first');
    assert.notEqual(await page.perform('connectionType'), 'shared');
    assertNoPageErrors(page);
    await page.disconnect();
  }
  if (workbench.serverKind === OUR_SERVER) await metricBecomes(server, 'faye_sessions', 0);
  await server.stop();
}

registerOurScenarios('our client in a shared worker', {
  'two pages have one session': (workbench, browser) => oneSession(workbench, browser, WORKER_PATH),
  'the server serves the script of the worker': {
    onlyWith: OUR_SERVER, body: (workbench, browser) => oneSession(workbench, browser, true),
  },
  'overlapping subscriptions get a message once': overlapsDeliverOnce,
  'both pages go on after the server drained': recoversAfter('stop'),
  'both pages go on after the server crashed': recoversAfter('crash'),
  'without the script on the server each page has its own connection': {
    onlyWith: FAYES_SERVER, body: (workbench, browser) => fallsBack(workbench, browser, {}),
  },
  'from an origin that may not load the script each page has its own connection': (workbench, browser) =>
    fallsBack(workbench, browser, { elsewhere: true }),
  'with a script that is none each page has its own connection': (workbench, browser) =>
    fallsBack(workbench, browser, { shared: '/page/empty' }),
});
