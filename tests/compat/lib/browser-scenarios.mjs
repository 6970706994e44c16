// Registers the shared scenarios, and a proof of the transport, for a browser
// bundle over the given transports.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';

import { launchBrowser, openBrowserClient } from './browser-client.mjs';
import { startFront } from './front.mjs';
import { startPageServer } from './page-files.mjs';
import { publishByPost } from './publish.mjs';
import { registerScenarios } from './scenarios.mjs';
import { DEFAULT_SERVER } from './server.mjs';
import { registerTest } from './workbench.mjs';

/** How each transport carries messages to the server and from it. */
const CARRIERS = {
  'websocket': { sent: 'websocket', received: 'websocket' },
  'eventsource': { sent: 'json', received: 'eventsource' },
  'long-polling': { sent: 'json', received: 'json' },
  'cross-origin-long-polling': { sent: 'form', received: 'form' },
  'callback-polling': { sent: 'script', received: 'script' },
};

const TO_SERVER = 'from the page to the server';
const TO_PAGE = 'from the server to the page';

async function messagesUseTheTransport(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  const expected = CARRIERS[client.transport];
  await client.connectSubscribed('/to/page');
  await client.publish('/to/server', TO_SERVER);
  await publishByPost(server.url, '/to/page', TO_PAGE);
  await client.delivery('/to/page', TO_PAGE);
  for (const [direction, text] of [['sent', TO_SERVER], ['received', TO_PAGE]]) {
    const { carrier } = await client.log.waitFor((entry) => entry.kind === 'wire'
      && entry.direction === direction && entry.text.replaceAll('+', ' ').includes(text));
    assert.equal(carrier, expected[direction]);
  }
  assert.equal(await client.perform('connectionType'), client.transport);
  assert.deepEqual(client.log.since(0, (entry) => entry.kind === 'page error'), []);
  await client.disconnect();
  await server.stop();
}

/** The page and the server at one origin, or the page at another. */
const SITUATIONS = {
  'same origin': async (server, bundle) => {
    const front = await startFront(server.origin, bundle);
    const endpoint = `${front.origin}${new URL(server.url).pathname}`;
    return { pageOrigin: front.origin, endpoint, close: () => front.close() };
  },
  'cross origin': async (server, bundle) => {
    const pageServer = await startPageServer(bundle);
    return { pageOrigin: pageServer.origin, endpoint: server.url, close: pageServer.close };
  },
};

/** @param pageIs  'same origin' or 'cross origin' */
export function registerBrowserScenarios(bundle, transports, pageIs, serverKind = DEFAULT_SERVER) {
  let browser;
  before(async () => { browser = await launchBrowser(); });
  after(() => browser?.close());

  for (const transport of transports) {
    describe(`${bundle.name}, ${pageIs}, over ${transport}, with ${serverKind}`, () => {
      const openClient = async (server) =>
        openBrowserClient(browser, bundle, transport, await SITUATIONS[pageIs](server, bundle));
      registerTest('messages use the transport', openClient, messagesUseTheTransport, serverKind);
      registerScenarios(openClient, serverKind);
    });
  }
}
