// Our npm package as applications install it: by `require`, and without the
// package `ws`, which only some versions of Node can do without.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { installClient } from '../lib/installed-client.mjs';
import { openNodeClient } from '../lib/node-client.mjs';
import { registerTest } from '../lib/workbench.mjs';

const HAS_WEBSOCKET = typeof WebSocket === 'function';
const open = ({ module }) => (server, transport) =>
  openNodeClient('our client', module, transport, server.url, { reportsLines: true });

function sendsAndReceivesOver(transport) {
  return async (workbench) => {
    const server = await workbench.startServer();
    // Held to nothing, it takes the best that it has.
    const client = await workbench.openClient(server, 'websocket');
    await client.subscribe('/news');
    if (transport === 'websocket') await client.connectsOverItsTransport();
    await client.publish('/news', 'first');
    await client.delivery('/news', 'first');
    assert.equal(await client.perform('connectionType'), transport);
    await client.disconnect();
    await server.stop();
    return client;
  };
}

async function saysThatWsIsMissing(workbench) {
  const client = await sendsAndReceivesOver('long-polling')(workbench);
  await client.log.waitFor(({ kind, text }) => kind === 'console' && text.includes('install the package ws'));
}

for (const how of ['import', 'require']) {
  describe(`our client in Node by ${how}`, () => {
    const [withWs, withoutWs] = [installClient({ how, withWs: true }), installClient({ how, withWs: false })];
    after(() => [withWs, withoutWs].forEach(({ remove }) => remove()));
    registerTest('with ws it takes the WebSocket', open(withWs), sendsAndReceivesOver('websocket'));
    if (HAS_WEBSOCKET) {
      registerTest("without ws it takes Node's own WebSocket", open(withoutWs), sendsAndReceivesOver('websocket'));
    } else {
      registerTest('without ws it takes long-polling, and says why', open(withoutWs), saysThatWsIsMissing);
    }
  });
}
