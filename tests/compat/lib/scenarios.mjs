// What every Faye client must be able to do with the server, written once for
// all versions and transports. A scenario opens what it needs on the workbench.

import assert from 'node:assert/strict';

import { publishByPost, sendMessages } from './publish.mjs';
import { FAYES_SERVER } from './server.mjs';
import { registerTest } from './workbench.mjs';

const MANY = 1_000;
const SENTINEL = 'sentinel';
const numbersUpTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

/** Publishes the sentinel and gives what the subscription was delivered before it. */
async function deliveredBeforeSentinel(server, client, subscription, channel, mark = 0) {
  await publishByPost(server.url, channel, SENTINEL);
  await client.delivery(subscription, SENTINEL, mark);
  return client.delivered(subscription, mark).filter((data) => data !== SENTINEL);
}

function subscriptionGetsOnlyItsChannels({ subscription, inside, outside }) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const client = await workbench.openClient(server);
    await client.connectSubscribed(subscription);
    for (const channel of [...outside, ...inside, ...outside]) {
      await publishByPost(server.url, channel, channel);
    }
    assert.deepEqual(await deliveredBeforeSentinel(server, client, subscription, inside[0]), inside);
    assert.deepEqual(client.received().map((message) => message.channel), [...inside, inside[0]]);
    await client.disconnect();
    await server.stop();
  };
}

async function overlappingSubscriptionsGetOneMessage(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  const subscriptions = ['/overlap/channel', '/overlap/*', '/overlap/**', '/**'];
  await client.connectSubscribed(subscriptions[0]);
  for (const subscription of subscriptions.slice(1)) await client.subscribe(subscription);
  await publishByPost(server.url, '/overlap/channel', 'once');
  for (const subscription of subscriptions) {
    assert.deepEqual(await deliveredBeforeSentinel(server, client, subscription, '/overlap/channel'), ['once']);
  }
  assert.equal(client.received().filter((message) => message.data === 'once').length, 1);
  await client.disconnect();
  await server.stop();
}

async function publishReachesOthersAndItself(workbench) {
  const values = ['text', '', 0, -1.5, false, true, [], [1, ['two']], {}, { nested: { list: [null] } },
    'żółć 漢字 🙂', 'line\u2028separator\u2029', '"quoted" \\ </script>'];
  const server = await workbench.startServer();
  const [publisher, subscriber] = [await workbench.openClient(server), await workbench.openClient(server)];
  await publisher.connectSubscribed('/values');
  await subscriber.connectSubscribed('/values');
  for (const value of values) await publisher.publish('/values', value);
  for (const client of [publisher, subscriber]) {
    assert.deepEqual(await deliveredBeforeSentinel(server, client, '/values', '/values'), values);
    assert.ok(client.received().every((message) => !('clientId' in message)), 'a publisher\'s clientId leaked');
    await client.disconnect();
  }
  await server.stop();
}

async function unsubscribeEndsDelivery(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/left');
  await client.subscribe('/kept');
  await publishByPost(server.url, '/left', 'before');
  await client.delivery('/left', 'before');

  await client.unsubscribe('/left');
  const mark = client.log.mark();
  await publishByPost(server.url, '/left', 'after');
  assert.deepEqual(await deliveredBeforeSentinel(server, client, '/kept', '/kept', mark), []);
  assert.deepEqual(client.received(mark).map((message) => message.channel), ['/kept']);

  await client.subscribe('/left');
  await publishByPost(server.url, '/left', 'again');
  await client.delivery('/left', 'again', mark);
  assert.deepEqual(client.delivered('/left', mark), ['again']);
  await client.disconnect();
  await server.stop();
}

async function idleClientStaysConnected(workbench) {
  // The server ends a session after twice its timeout without a connect; a slow machine needs time for one round trip.
  // With Faye's server a client over eventsource connects only once per timeout.
  const timeout = workbench.serverKind === FAYES_SERVER ? '12s' : '2s';
  const server = await workbench.startServer({ FAYE_SERVER__TIMEOUT: timeout });
  const client = await workbench.openClient(server);
  await client.connect();
  await client.subscribe('/idle');
  for (let held = 1; held <= 2; held += 1) await client.reply('/meta/connect', () => true, client.log.mark());
  assert.deepEqual(await deliveredBeforeSentinel(server, client, '/idle', '/idle'), []);
  assert.equal(await client.perform('connectionType'), client.transport);
  assert.equal(client.log.since(0, ({ message }) => message?.channel === '/meta/handshake'
    && message.successful === true).length, 1);
  await client.disconnect();
  await server.stop();
}

function clientReturnsAfter(endServer) {
  return async (workbench) => {
    // Over eventsource a client asks the server only once per timeout.
    const server = await workbench.startServer({ FAYE_SERVER__TIMEOUT: '3s' });
    const client = await workbench.openClient(server);
    await client.connectSubscribed('/lasting');
    await publishByPost(server.url, '/lasting', 'before');
    await client.delivery('/lasting', 'before');

    await endServer(server);
    // A round trip to the client: what the old server said is in the log after it.
    await client.perform('connectionType');
    const mark = client.log.mark();
    await server.start();
    const { clientId } = await client.reply('/meta/handshake', () => true, mark);
    await client.reply('/meta/subscribe', (reply) => reply.clientId === clientId
      && [].concat(reply.subscription).includes('/lasting'), mark);
    await publishByPost(server.url, '/lasting', 'after');
    assert.deepEqual(await deliveredBeforeSentinel(server, client, '/lasting', '/lasting', mark), ['after']);
    await client.connectsOverItsTransport(mark);
    await client.publish('/lasting', 'its own');
    await client.delivery('/lasting', 'its own', mark);
    await client.disconnect();
    await server.stop();
  };
}

async function manyPostsArriveInOrder(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/many');
  for (const number of numbersUpTo(MANY)) await publishByPost(server.url, '/many', number);
  assert.deepEqual(await deliveredBeforeSentinel(server, client, '/many', '/many'), numbersUpTo(MANY));
  await client.disconnect();
  await server.stop();
}

export async function manyFromAnotherClientArriveInOrder(workbench) {
  const server = await workbench.startServer();
  const [publisher, subscriber] = [await workbench.openClient(server), await workbench.openClient(server)];
  await publisher.connectSubscribed('/publisher');
  await subscriber.connectSubscribed('/many');
  // Only a socket keeps the order of messages that are under way together.
  const method = publisher.transport === 'websocket' ? 'publishNumbersAtOnce' : 'publishNumbersOneByOne';
  await publisher.perform(method, '/many', MANY);
  assert.deepEqual(await deliveredBeforeSentinel(server, subscriber, '/many', '/many'), numbersUpTo(MANY));
  await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  await server.stop();
}

async function disconnectEndsTheSession(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/last');
  const { clientId } = await client.reply('/meta/handshake');
  await client.disconnect();
  const connect = { channel: '/meta/connect', clientId, connectionType: 'long-polling', id: 'late' };
  const [reply] = await sendMessages(server.url, [connect]);
  assert.equal(reply.successful, false);
  assert.equal(reply.error, `401:${clientId}:Unknown client`);
  assert.equal(reply.advice.reconnect, 'handshake');
  await server.stop();
  assert.equal(client.log.since(0, ({ kind, message }) => kind === 'outgoing'
    && message.channel === '/meta/handshake').length, 1);
}

async function refusalsReachTheApplication(workbench) {
  const server = await workbench.startServer();
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/allowed');
  for (const channel of ['/invalid/*', '/invalid/**', '/in valid/channel', '/invalid//channel']) {
    await assert.rejects(client.publish(channel, 'refused'), { code: 405, params: [channel] });
  }
  await assert.rejects(client.subscribe('/meta/connect'), { code: 403, params: ['/meta/connect'] });
  await assert.rejects(client.subscribe('/invalid/**/channel'), { code: 405, params: ['/invalid/**/channel'] });
  await client.publish('/allowed', 'after refusals');
  await client.delivery('/allowed', 'after refusals');
  await client.disconnect();
  await server.stop();
}

const SCENARIOS = {
  'an exact subscription gets its channel only': subscriptionGetsOnlyItsChannels({
    subscription: '/chat/room',
    inside: ['/chat/room'],
    outside: ['/chat', '/chat/other', '/chat/room/deeper', '/Chat/room'],
  }),
  'a subscription to * gets one level': subscriptionGetsOnlyItsChannels({
    subscription: '/chat/*',
    inside: ['/chat/room', '/chat/other'],
    outside: ['/chat', '/chat/room/deeper', '/other/room'],
  }),
  'a subscription to ** gets every level below': subscriptionGetsOnlyItsChannels({
    subscription: '/chat/**',
    inside: ['/chat/room', '/chat/room/deeper', '/chat/room/deeper/still'],
    outside: ['/chat', '/other/room'],
  }),
  'overlapping subscriptions get a message once': overlappingSubscriptionsGetOneMessage,
  'a published value reaches other clients and its publisher unchanged': publishReachesOthersAndItself,
  'after unsubscribing nothing arrives': unsubscribeEndsDelivery,
  'an idle client stays connected over several timeouts': idleClientStaysConnected,
  'a subscription works again after the server drained and restarted': clientReturnsAfter((server) => server.stop()),
  'a subscription works again after the server crashed and restarted': clientReturnsAfter((server) => server.crash()),
  '1,000 messages posted in sequence arrive in order, none lost, none twice': manyPostsArriveInOrder,
  'disconnecting ends the session': disconnectEndsTheSession,
  'refused publishes and subscribes reach the application': refusalsReachTheApplication,
};

/**
 * Registers every scenario for one kind of client and of server; `openClient(server)` opens the client. What stands
 * for a server may say which scenarios are not for it: `except`, by their titles.
 */
export function registerScenarios(openClient, serverKind) {
  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    if (!serverKind?.except?.test(title)) registerTest(title, openClient, scenario, serverKind);
  }
}
