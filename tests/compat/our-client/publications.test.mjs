// What becomes of publications that cannot be made.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvent, openElsewhere, openFront, registerOurScenarios,
} from '../lib/our-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

const SESSION = { clientId: 'only', version: '1.0', supportedConnectionTypes: ['long-polling'] };

/**
 * A server that has a session for everybody, holds connects, and does with other messages what `onPublish(response)`
 * says.
 */
function unwillingServer(onPublish) {
  const seen = [];
  const answer = async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    // Not what the page says as it goes away.
    if (!text.startsWith('[')) return response.end();
    const messages = JSON.parse(text);
    seen.push(...messages);
    const isHeld = messages.some(({ channel, advice }) => channel === '/meta/connect' && advice?.timeout !== 0);
    if (isHeld) return;
    if (messages.some(({ channel }) => !channel.startsWith('/meta/'))) return onPublish(response);
    const replies = messages.map(({ id, channel }) => ({ id, channel, successful: true, ...SESSION }));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(replies));
  };
  return { answer, published: () => seen.filter(({ data }) => data !== undefined).length };
}

async function openAt(workbench, unwilling) {
  const place = await openElsewhere(workbench, { answer: unwilling.answer });
  return workbench.openClient(null, { pageOrigin: place.origin, endpoint: `${place.origin}/faye`, transport: 'long-polling' });
}

async function deadlineRunsOut(workbench) {
  const unwilling = unwillingServer(() => {});
  const client = await openAt(workbench, unwilling);
  await client.connect();
  await assert.rejects(client.publish('/never', 'answered', { deadline: 0.2 }), { code: null, message: /0\.2 s/ });
  assert.equal(unwilling.published(), 1);
  assertNoPageErrors(client);
}

async function attemptsRunOut(workbench) {
  const unwilling = unwillingServer((response) => response.destroy());
  const client = await openAt(workbench, unwilling);
  await client.connect();
  await assert.rejects(client.publish('/never', 'answered', { attempts: 3 }), { code: null, message: /attempts/ });
  // Not what the server saw: a browser may send a request again by itself when a kept connection ends without a word.
  const attempts = client.log.since(0, ({ kind, direction, text }) => kind === 'wire' && direction === 'sent'
    && text.includes('"/never"'));
  assert.equal(attempts.length, 3);
  assert.ok(unwilling.published() >= 3);
  assertNoPageErrors(client);
}

async function deadlineRunsOutWithoutServer(workbench) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server);
  front.isUp = false;
  const client = await workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint });
  await assert.rejects(client.publish('/never', 'sent', { deadline: 0.2 }), { code: null });
  front.isUp = true;
  await client.subscribe('/never');
  await client.publish('/never', 'later');
  await client.delivery('/never', 'later');
  assert.deepEqual(client.delivered('/never'), ['later']);
  assertNoPageErrors(client);
}

async function refusalIsAnError(workbench) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server);
  const client = await workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint });
  const error = await client.page.evaluate(() => window.perform.client.publish('/not/*/allowed', 1).then(
    () => null,
    (reason) => ({ isError: reason instanceof Error, isFayes: reason instanceof Faye.Error, code: reason.code, params: reason.params }),
  ));
  assert.deepEqual(error, { isError: true, isFayes: true, code: 405, params: ['/not/*/allowed'] });
  await client.disconnect();
  await server.stop();
}

function tooLarge(transport) {
  return async (workbench) => {
    const server = await workbench.startServer({
      FAYE_LIMITS__BODY: '32KiB', FAYE_LIMITS__FRAME: '32KiB', FAYE_LIMITS__MESSAGE: '32KiB',
    });
    const front = await openFront(workbench, server);
    const client = await workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint, transport });
    await client.subscribe('/sizes');
    await connectionEvent(client, (event) => event.state === 'connected' && event.transport === transport);
    const large = 'x'.repeat(40_000);
    const outcomes = await client.perform('publishAll', '/sizes', ['first', 'second', large, 'third', 'fourth']);
    assert.deepEqual(outcomes.map(({ ok }) => ok), [true, true, false, true, true]);
    assert.equal(outcomes[2].error.code, 413);
    await client.publish('/sizes', 'fifth');
    await client.delivery('/sizes', 'fifth');
    // The socket ends with the large one: what was sent with it may come twice, but none is lost.
    assert.deepEqual([...new Set(client.delivered('/sizes'))], ['first', 'second', 'third', 'fourth', 'fifth']);
    assertNoPageErrors(client);
    await client.disconnect();
    await server.stop();
  };
}

// Who serves does not matter where no server answers; Faye's has no such limits.
const ours = (body) => ({ onlyWith: OUR_SERVER, body });
registerOurScenarios('publications of our client', {
  'their deadline runs out': ours(deadlineRunsOut),
  'their attempts run out': ours(attemptsRunOut),
  'their deadline runs out while there is no server': deadlineRunsOutWithoutServer,
  'a refusal is an Error': refusalIsAnError,
  'one that is too large is rejected alone, over websocket': ours(tooLarge('websocket')),
  'one that is too large is rejected alone, over eventsource': ours(tooLarge('eventsource')),
  'one that is too large is rejected alone, over long-polling': ours(tooLarge('long-polling')),
});
