// Registers tests of what only our client promises, in a browser, with our server
// and with Faye's.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { launchBrowser, openBrowserClient } from './browser-client.mjs';
import { OUR_BUNDLE } from './bundles.mjs';
import { startFront } from './front.mjs';
import { startPageServer } from './page-files.mjs';
import { FAYES_SERVER, OUR_SERVER } from './server.mjs';
import { registerTest } from './workbench.mjs';

/**
 * Puts a front before the server; the clients of one page's origin share it.
 *
 * @returns the front, with `endpoint`
 */
export async function openFront(workbench, server, pageOptions) {
  const front = await startFront(server.origin, OUR_BUNDLE, pageOptions);
  front.endpoint = `${front.origin}${new URL(server.url).pathname}`;
  workbench.atEnd(() => front.close());
  return front;
}

/** The page at an origin of its own. */
export async function openElsewhere(workbench, pageOptions) {
  const pageServer = await startPageServer(OUR_BUNDLE, pageOptions);
  workbench.atEnd(pageServer.close);
  return pageServer;
}

/** Fails if the page did: nothing of what goes wrong with a connection may end in an uncaught error. */
export function assertNoPageErrors(client) {
  assert.deepEqual(client.log.since(0, ({ kind }) => kind === 'page error'), []);
}

/** What the client told of its connection. */
export const connectionEvents = (client, mark = 0) => client.log.since(mark, ({ kind }) => kind === 'connection');

export const connectionEvent = (client, matches, mark = 0) =>
  client.log.waitFor((entry) => entry.kind === 'connection' && matches(entry), mark);

/** How often the client itself sent a message of a channel. */
export const sent = (client, channel, mark = 0) =>
  client.log.since(mark, ({ kind, message }) => kind === 'outgoing' && message.channel === channel).length;

/** How often it really went out: over HTTP and WebSockets of the page. */
export const sentOnWire = (client, channel, mark = 0) =>
  client.log.since(mark, ({ kind, direction }) => kind === 'wire' && direction === 'sent')
    .reduce((sum, { text }) => sum + text.split(`"channel":"${channel}"`).length - 1, 0);

/**
 * @param tests  by title: `body(workbench, browser)`, or `{ body, onlyWith, because }` where one of the servers
 *               cannot show it. `workbench.openClient(server, situation)` opens a page, as `openBrowserClient` says;
 *               `situation.transport` holds it to one.
 */
export function registerOurScenarios(subject, tests) {
  let browser;
  before(async () => { browser = await launchBrowser(); });
  after(() => browser?.close());

  const openClient = (_server, { transport, ...situation }) =>
    openBrowserClient(browser, OUR_BUNDLE, transport, situation);
  for (const serverKind of [OUR_SERVER, FAYES_SERVER]) {
    describe(`${subject}, with ${serverKind}`, () => {
      for (const [title, entry] of Object.entries(tests)) {
        const { body, onlyWith = serverKind } = typeof entry === 'function' ? { body: entry } : entry;
        if (onlyWith !== serverKind) continue;
        registerTest(title, openClient, (workbench) => body(workbench, browser), serverKind);
      }
    });
  }
}
