// Something between the page and the server does not let WebSockets through, from
// the beginning or from some time on: messages take another way, and come back.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, connectionEvents, openFront, registerOurScenarios,
} from '../lib/our-scenarios.mjs';

/** Longer than our client leaves alone what did not work. */
const SHUN_SECONDS = 31;
/** Longer than a socket may take to answer, and to open. */
const TRIAL_SECONDS = 11;
const OPEN_SECONDS = 21;

async function openPage(workbench, front, server, prepare) {
  return workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint, prepare });
}

/** Publishes numbers through the page itself, and finds each once and in order. */
async function numbersArrive(client, numbers) {
  const mark = client.log.mark();
  const outcomes = await client.perform('publishAll', '/numbers', numbers);
  assert.ok(outcomes.every(({ ok }) => ok), JSON.stringify(outcomes));
  await client.delivery('/numbers', numbers.at(-1), mark);
  assert.deepEqual(client.delivered('/numbers', mark), numbers);
}

const usesWebSocket = (client, mark) =>
  connectionEvent(client, ({ state, transport }) => state === 'connected' && transport === 'websocket', mark);

async function goesUp(client, front) {
  const mark = client.log.mark();
  front.webSockets = 'passed';
  await client.page.evaluate(() => dispatchEvent(new Event('online')));
  await usesWebSocket(client, mark);
  await numbersArrive(client, [4, 5, 6]);
}

function blockedFromTheBeginning(how) {
  return async (workbench) => {
    const server = await workbench.startServer();
    const front = await openFront(workbench, server);
    front.webSockets = how;
    const client = await openPage(workbench, front, server);
    await client.subscribe('/numbers');
    await numbersArrive(client, [1, 2, 3]);
    assert.notEqual(await client.perform('connectionType'), 'websocket');
    await goesUp(client, front);
    assert.equal(client.log.since(0, ({ message }) => message?.channel === '/meta/handshake'
      && message.successful).length, 1);
    assertNoPageErrors(client);
    await client.disconnect();
    await server.stop();
  };
}

async function swallowed(workbench) {
  const server = await workbench.startServer({ FAYE_SERVER__TIMEOUT: '60s' });
  const front = await openFront(workbench, server);
  front.webSockets = 'swallowed';
  const client = await openPage(workbench, front, server, (page) => page.clock.install());
  await client.subscribe('/numbers');
  await numbersArrive(client, [1, 2, 3]);
  assert.notEqual(await client.perform('connectionType'), 'websocket');
  // It is tried no longer than a transport may take to open, and meanwhile nothing waits for it.
  const mark = client.log.mark();
  await client.page.clock.fastForward(OPEN_SECONDS * 1000);
  await numbersArrive(client, [10, 11, 12]);
  assert.deepEqual(connectionEvents(client, mark).filter(({ state }) => state !== 'connected'), []);
  await goesUp(client, front);
  assertNoPageErrors(client);
  await client.disconnect();
  await server.stop();
}

/** Faye's server answers no connect while it holds one of the same session, whatever that one asked for. */
async function movesWhileAConnectIsHeld(workbench) {
  const server = await workbench.startServer({ FAYE_SERVER__TIMEOUT: '60s' });
  const front = await openFront(workbench, server);
  front.webSockets = 'refused with 403';
  const client = await workbench.openClient(server, {
    pageOrigin: front.origin, endpoint: front.endpoint, disabled: ['eventsource'], prepare: (page) => page.clock.install(),
  });
  await client.subscribe('/numbers');
  // The connect that asks not to be held is answered, and the next one is held.
  await client.reply('/meta/connect');
  await client.log.waitFor(({ kind, direction, text }) => kind === 'wire' && direction === 'sent'
    && text.includes('/meta/connect') && !text.includes('"timeout":0'));
  await goesUp(client, front);
  const mark = client.log.mark();
  await client.page.clock.fastForward(TRIAL_SECONDS * 1000);
  await numbersArrive(client, [7, 8, 9]);
  assert.equal(await client.perform('connectionType'), 'websocket');
  assert.deepEqual(connectionEvents(client, mark), []);
  await client.disconnect();
  await server.stop();
}

async function refusedAfterACut(workbench) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server);
  const client = await openPage(workbench, front, server, (page) => page.clock.install());
  await client.subscribe('/numbers');
  await usesWebSocket(client);
  await numbersArrive(client, [1, 2, 3]);

  const mark = client.log.mark();
  front.webSockets = 'refused with 403';
  front.cut({ onlyWebSockets: true });
  await connectionEvent(client, ({ state }) => state === 'interrupted', mark);
  await numbersArrive(client, [10, 11, 12]);
  assert.notEqual(await client.perform('connectionType'), 'websocket');

  // Nobody tells the client that it may try again: it does so by itself.
  const seen = front.webSocketsSeen;
  front.webSockets = 'passed';
  const later = client.log.mark();
  await client.page.clock.fastForward(SHUN_SECONDS * 1000);
  await usesWebSocket(client, later);
  assert.equal(front.webSocketsSeen, seen + 1);
  await numbersArrive(client, [20, 21, 22]);
  assertNoPageErrors(client);
  await client.disconnect();
  await server.stop();
}

registerOurScenarios('our client where WebSockets are blocked', {
  'the upgrade is answered 403': blockedFromTheBeginning('refused with 403'),
  'the upgrade is answered 400': blockedFromTheBeginning('refused with 400'),
  'the upgrade is accepted, but no frame is answered': swallowed,
  'a WebSocket that is taken while a connect is held elsewhere is kept': movesWhileAConnectIsHeld,
  'the WebSocket works, is cut and then refused': refusedAfterACut,
});
