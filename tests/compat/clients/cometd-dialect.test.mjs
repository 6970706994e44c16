// The settings of `[dialect]` with CometD's client: channels with dots, publications without data, and the text for an
// unknown session, which Faye's client must not depend on either.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { openCometdClient, openNodeClient } from '../lib/node-client.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

async function dotsReachSubscribers(workbench) {
  const server = await workbench.startServer({ FAYE_DIALECT__DOTTED_CHANNELS: 'true' });
  const [publisher, subscriber] = [await workbench.openClient(server), await workbench.openClient(server)];
  await publisher.connect();
  for (const subscription of ['/prices/BRK.B', '/event/**']) await subscriber.connectSubscribed(subscription);
  await publisher.publish('/prices/BRK.B', 'by its name');
  await publisher.publish('/event/Order__e.x', 'by a pattern');
  await subscriber.delivery('/prices/BRK.B', 'by its name');
  await subscriber.delivery('/event/**', 'by a pattern');
  await subscriber.perform('unsubscribe', '/prices/BRK.B');
  await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  await server.stop();
}

async function dotsAreInvalidByDefault(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connect();
  await assert.rejects(client.publish('/prices/BRK.B', 1), { code: 405, params: ['/prices/BRK.B'] });
  await assert.rejects(client.subscribe('/prices/BRK.B'), { code: 405, params: ['/prices/BRK.B'] });
  await client.disconnect();
  await server.stop();
}

async function withoutDataSubscribersGetNull(workbench) {
  const server = await workbench.startServer({ FAYE_DIALECT__PUBLISH_WITHOUT_DATA: 'true' });
  const [publisher, subscriber] = [await workbench.openClient(server), await workbench.openClient(server)];
  await publisher.connect();
  await subscriber.connectSubscribed('/refresh');
  await publisher.publish('/refresh');
  await subscriber.delivery('/refresh', null);
  const sent = publisher.log.since(0, ({ kind, message }) => kind === 'outgoing' && message.channel === '/refresh');
  assert.deepEqual(sent.map(({ message }) => 'data' in message), [false]);
  await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  await server.stop();
}

async function withoutDataIsRefusedByDefault(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connect();
  await assert.rejects(client.publish('/refresh'), { code: 402, params: ['data'] });
  await client.disconnect();
  await server.stop();
}

async function salesforcesTextLeadsToANewSession(workbench) {
  const server = await workbench.startServer({ FAYE_DIALECT__UNKNOWN_CLIENT: 'salesforce' });
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/kept');
  const { clientId } = await client.reply('/meta/handshake');
  const mark = client.log.mark();
  await sendMessages(server.url, [{ channel: '/meta/disconnect', clientId }]);
  const lost = ({ kind, message }) => kind === 'incoming' && message.error === '403::Unknown client';
  await client.log.waitFor(lost, mark);
  await client.log.waitFor(({ kind, message }) => kind === 'incoming' && message.channel === '/meta/subscribe'
    && message.successful, mark);
  await sendMessages(server.url, [{ channel: '/kept', data: 'to the new session' }]);
  await client.delivery('/kept', 'to the new session', mark);
  await client.disconnect();
  await server.stop();
}

for (const transport of ['websocket', 'long-polling']) {
  describe(`cometd in Node over ${transport}`, () => {
    const register = (title, body) =>
      registerTest(title, (server) => openCometdClient(transport, server.url), body, OUR_SERVER);
    register('channels with dots reach their subscribers', dotsReachSubscribers);
    register('channels with dots are invalid by default', dotsAreInvalidByDefault);
    register('subscribers get null for a publication without data', withoutDataSubscribersGetNull);
    register('a publication without data is refused by default', withoutDataIsRefusedByDefault);
    register("Salesforce's text for an unknown session leads to a new one", salesforcesTextLeadsToANewSession);
  });
  describe(`faye 1.4.3 in Node over ${transport}`, () => {
    const openClient = (server) => openNodeClient('faye 1.4.3', 'faye', transport, server.url);
    registerTest("Salesforce's text for an unknown session leads to a new one", openClient,
      salesforcesTextLeadsToANewSession, OUR_SERVER);
  });
}
