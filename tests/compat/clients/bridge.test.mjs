// `faye bridge` between npm Faye's server and ours, with the official client at both: what is published to one arrives
// at both, once and in order.

import assert from 'node:assert/strict';

import { startBridge } from '../lib/bridge.mjs';
import { NODE_TRANSPORTS, openNodeClient } from '../lib/node-client.mjs';
import { publishByPost, sendMessages } from '../lib/publish.mjs';
import { FAYES_SERVER, OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const SENTINEL = 'sentinel';
const MANY = 1_000;
const VALUES = ['text', '', 0, -1.5, false, [], [1, ['two']], {}, { nested: { list: [null] } }, 'żółć 漢字 🙂'];

async function startServers(workbench) {
  // Faye's default: a first connect is held for so long, unless it asks not to be.
  const theirs = await workbench.startServer({ FAYE_SERVER__TIMEOUT: '60s' }, undefined, FAYES_SERVER);
  const ours = await workbench.startServer({}, undefined, OUR_SERVER);
  return { theirs, ours };
}

async function openSubscribed(workbench, server, channel, transport) {
  const client = await workbench.openClient(server, transport);
  client.settlesFirst = true;
  await client.connectSubscribed(channel);
  return client;
}

/** What a client was delivered before a sentinel that went the same way as everything before it. */
async function deliveredBeforeSentinel(from, client, subscription, channel) {
  await publishByPost(from.url, channel, SENTINEL);
  await client.delivery(subscription, SENTINEL);
  return client.delivered(subscription).filter((data) => data !== SENTINEL);
}

function clientsOfBothServersHearEachOther(theirTransport, ourTransport) {
  return async (workbench) => {
    const { theirs, ours } = await startServers(workbench);
    const bridge = await startBridge(workbench, theirs, ours, '/chat/**', '/news');
    const there = await openSubscribed(workbench, theirs, '/chat/**', theirTransport);
    const here = await openSubscribed(workbench, ours, '/chat/**', ourTransport);
    for (const value of VALUES) {
      await there.publish('/chat/room', value);
      await here.log.waitFor(({ kind, data }) => kind === 'delivery' && JSON.stringify(data) === JSON.stringify(value));
    }
    for (const value of VALUES) await here.publish('/chat/room', value);
    assert.deepEqual(await deliveredBeforeSentinel(ours, there, '/chat/**', '/chat/room'), [...VALUES, ...VALUES]);
    assert.deepEqual(here.delivered('/chat/**').filter((data) => data !== SENTINEL), [...VALUES, ...VALUES]);
    const carried = here.received().filter((message) => message.fayeBridge);
    assert.equal(carried.length, VALUES.length);
    assert.ok(carried.every((message) => message.clientId === undefined));
    await bridge.stop();
    await Promise.all([there.disconnect(), here.disconnect()]);
  };
}

for (const theirTransport of NODE_TRANSPORTS) {
  for (const ourTransport of NODE_TRANSPORTS) {
    registerTest(`clients hear each other, over ${theirTransport} at Faye's server and ${ourTransport} at ours`,
      (server, transport) => openNodeClient('faye', 'faye', transport, server.url),
      clientsOfBothServersHearEachOther(theirTransport, ourTransport));
  }
}

const openClient = (server) => openNodeClient('faye', 'faye', 'websocket', server.url);

registerTest(`${MANY} messages arrive in order, none lost, none twice, in both directions at once`, openClient,
  async (workbench) => {
    const { theirs, ours } = await startServers(workbench);
    const bridge = await startBridge(workbench, theirs, ours, '/**');
    const there = await openSubscribed(workbench, theirs, '/from/ours', 'websocket');
    const here = await openSubscribed(workbench, ours, '/from/theirs', 'websocket');
    const numbers = Array.from({ length: MANY }, (_, index) => index + 1);
    const publishAll = async (server, channel) => {
      for (let first = 0; first < MANY; first += 50) {
        await sendMessages(server.url, numbers.slice(first, first + 50).map((data) => ({ channel, data })));
      }
    };
    await Promise.all([publishAll(theirs, '/from/theirs'), publishAll(ours, '/from/ours')]);
    assert.deepEqual(await deliveredBeforeSentinel(theirs, here, '/from/theirs', '/from/theirs'), numbers);
    assert.deepEqual(await deliveredBeforeSentinel(ours, there, '/from/ours', '/from/ours'), numbers);
    await bridge.stop();
  });

registerTest('two bridges deliver a message twice, and never again', openClient, async (workbench) => {
  const { theirs, ours } = await startServers(workbench);
  const bridges = [await startBridge(workbench, theirs, ours, '/**'), await startBridge(workbench, theirs, ours, '/**')];
  const here = await openSubscribed(workbench, ours, '/a', 'websocket');
  const there = await openSubscribed(workbench, theirs, '/a', 'websocket');
  await there.publish('/a', 1);
  await here.delivery('/a', 1);
  await here.publish('/a', 2);
  await there.delivery('/a', 2);
  for (const bridge of bridges) await bridge.stop();
  await publishByPost(theirs.url, '/a', SENTINEL);
  await publishByPost(ours.url, '/a', SENTINEL);
  for (const [client, once, twice] of [[there, 1, 2], [here, 2, 1]]) {
    await client.delivery('/a', SENTINEL);
    const heard = client.delivered('/a');
    assert.equal(heard.filter((data) => data === once).length, 1);
    assert.equal(heard.filter((data) => data === twice).length, 2);
  }
});

registerTest("what is published while Faye's server restarts waits for it", openClient, async (workbench) => {
  const { theirs, ours } = await startServers(workbench);
  const bridge = await startBridge(workbench, theirs, ours, '/a');
  const there = await openSubscribed(workbench, theirs, '/a', 'websocket');
  const mark = there.log.mark();
  await theirs.crash();
  for (const number of [1, 2, 3]) await publishByPost(ours.url, '/a', number);
  await bridge.says('cannot forward messages; queueing them');
  await theirs.start();
  await bridge.says('messages published during the outage are lost');
  await there.reply('/meta/subscribe', () => true, mark);
  await publishByPost(ours.url, '/a', SENTINEL);
  await there.delivery('/a', SENTINEL);
  const here = await openSubscribed(workbench, ours, '/a', 'websocket');
  await there.publish('/a', 'back');
  await here.delivery('/a', 'back');
  await bridge.stop();
});
