// Drives the server as Salesforce with jsforce: positions in `event.replayId` of the data, where to begin, and the text of
// the error for a position that is not kept any more.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { openNodeClient } from '../lib/node-client.mjs';
import { publishByPost, sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const CHANNEL = '/event/Order__e';
const KEPT = 5;
const SETTINGS = `
[server]
mount = "/cometd"
[dialect]
unknown_client = "salesforce"
[[channel]]
match = "/event/**"
history = { messages = ${KEPT}, age = "72h" }
replay_id = "event"
replay_lost = "refuse"
`;

/** jsforce adds the path itself. */
const openClient = (server, replayId) =>
  openNodeClient('jsforce', new URL('../lib/jsforce-client.mjs', import.meta.url).href, 'long-polling', server.origin, {
    options: { channel: CHANNEL, ...(replayId === undefined ? {} : { replayId }) },
  });

const startServer = (workbench) => workbench.startServer({}, SETTINGS);

function publish(server, ...numbers) {
  return sendMessages(server.url, numbers.map((number) =>
    ({ channel: CHANNEL, data: { schema: 'of the event', payload: { Number__c: number } } })));
}

/** Opens a client that subscribes with a position, and has a last publication reach it. Gives the events. */
async function events(workbench, server, replayId, last) {
  const client = await workbench.openClient(server, replayId);
  await client.connectSubscribed(CHANNEL);
  await publish(server, last);
  return eventsUntil(client, last);
}

async function eventsUntil(client, last, mark = 0) {
  await client.log.waitFor(({ kind, data }) => kind === 'delivery' && data.payload.Number__c === last, mark);
  return client.delivered(CHANNEL, mark);
}

const numbers = (all) => all.map(({ payload }) => payload.Number__c);

async function theyBeginWhereTheyAsk(workbench) {
  const server = await startServer(workbench);
  await publish(server, 1, 2, 3);
  const everything = await events(workbench, server, -2, 4);
  assert.deepEqual(numbers(everything), [1, 2, 3, 4], '-2 is everything kept');
  const ids = everything.map(({ event }) => event.replayId);
  assert.ok(ids.every((id, at) => Number.isSafeInteger(id) && (at === 0 || id > ids[at - 1])), String(ids));
  assert.deepEqual(numbers(await events(workbench, server, -1, 5)), [5], '-1 is what comes');
  assert.deepEqual(numbers(await events(workbench, server, undefined, 6)), [6], 'as without a position');
  assert.deepEqual(numbers(await events(workbench, server, ids[3], 7)), [5, 6, 7], 'a position is exclusive');
  await server.stop();
}

async function aLostPositionIsRefused(workbench) {
  const server = await startServer(workbench);
  await publish(server, 1);
  const [{ event }] = await events(workbench, server, -2, 2);
  await publish(server, ...Array.from({ length: KEPT + 1 }, (_, at) => at + 3));
  const client = await workbench.openClient(server, event.replayId);
  // Faye's client, which jsforce uses, does not take this text apart.
  await assert.rejects(client.subscribe(CHANNEL), ({ message }) => {
    assert.ok(message.endsWith(`400::The replayId {${event.replayId}} you provided was invalid.  Please provide a valid ID, `
      + '-2 to replay all events, or -1 to replay only new events.'), message);
    return true;
  });
  await server.stop();
}

async function aNewSessionContinues(workbench) {
  const server = await startServer(workbench);
  const client = await workbench.openClient(server, -1);
  await client.connectSubscribed(CHANNEL);
  await publish(server, 1, 2);
  await eventsUntil(client, 2);
  const { clientId } = await client.reply('/meta/handshake');
  // The connect that waits is answered, and the client finds that its session has ended.
  await sendMessages(server.url, [{ channel: '/meta/disconnect', clientId }]);
  await publish(server, 3, 4);
  await client.log.waitFor(({ kind, message }) => kind === 'incoming' && message.error === '403::Unknown client');
  assert.deepEqual(numbers(await eventsUntil(client, 4)), [1, 2, 3, 4], 'each once');
  await server.stop();
}

async function channelsWithoutHistoryHaveNoPositions(workbench) {
  const server = await startServer(workbench);
  const client = await workbench.openClient(server);
  await client.connectSubscribed('/topic/Accounts');
  await publishByPost(server.url, '/topic/Accounts', { event: { type: 'created' }, sobject: {} });
  const { data } = await client.log.waitFor(({ kind }) => kind === 'delivery');
  assert.deepEqual(data, { event: { type: 'created' }, sobject: {} }, 'without history there is no position');
  const sent = client.log.since(0, ({ kind }) => kind === 'outgoing').map(({ message }) => message);
  assert.ok(sent.every(({ ext }) => !ext?.replay));
  await server.stop();
}

describe('jsforce in Node', () => {
  const register = (title, body) => registerTest(title, openClient, body, OUR_SERVER);
  register('a subscription begins where it asks to', theyBeginWhereTheyAsk);
  register('a position that is not kept any more is refused', aLostPositionIsRefused);
  register('a new session continues after the last event', aNewSessionContinues);
  register('a channel without history has no positions', channelsWithoutHistoryHaveNoPositions);
});
