// The server refuses sessions: the client asks again, but later each time, and
// says why to whoever waits.

import assert from 'node:assert/strict';

import {
  assertNoPageErrors, connectionEvents, connectionEvent, openFront, registerOurScenarios, sentOnWire,
} from '../lib/our-scenarios.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { FAYES_SERVER, OUR_SERVER } from '../lib/server.mjs';

const REFUSALS = 6;
/** Of a delay only the range is certain: half of it is random. Two steps apart, the ranges do not meet. */
const STEPS = 2;

const refusals = (client) => connectionEvents(client).filter(({ reason }) => reason === 'The server refused the session');

async function refusedClient(workbench, environment, error) {
  const server = await workbench.startServer(environment);
  const [session] = await sendMessages(server.url, [
    { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] },
  ]);
  // A session that has never connected would make room for another.
  await sendMessages(server.url, [
    { channel: '/meta/connect', clientId: session.clientId, connectionType: 'long-polling', advice: { timeout: 0 } },
  ]);
  const front = await openFront(workbench, server);
  const client = await workbench.openClient(server, {
    pageOrigin: front.origin, endpoint: front.endpoint, options: { retry: 0.02 },
  });
  const subscribed = client.subscribe('/wanted');
  await assert.rejects(client.publish('/wanted', 'refused'), error);
  while (refusals(client).length < REFUSALS) await connectionEvent(client, () => true, client.log.mark());
  const delays = refusals(client).map(({ retryIn }) => retryIn);
  for (let index = STEPS; index < delays.length; index += 1) {
    assert.ok(delays[index] > delays[index - STEPS], `the delays do not grow: ${delays}`);
  }
  const asked = sentOnWire(client, '/meta/handshake');
  assert.ok(asked <= refusals(client).length + 1, `${asked} handshakes went out`);
  assertNoPageErrors(client);
  return { server, session, client, subscribed };
}

registerOurScenarios('our client, refused', {
  'it is let in when there is room again': {
    onlyWith: OUR_SERVER,
    body: async (workbench) => {
      const environment = { FAYE_LIMITS__SESSIONS: '1', FAYE_ADVICE__RETRY_MIN: '1ms' };
      const { server, session, client, subscribed } = await refusedClient(workbench, environment, { code: 503 });
      await sendMessages(server.url, [{ channel: '/meta/disconnect', clientId: session.clientId }]);
      await subscribed;
      await client.publish('/wanted', 'let in');
      await client.delivery('/wanted', 'let in');
      await client.disconnect();
      await server.stop();
    },
  },
  'an extension of the server says why': {
    onlyWith: FAYES_SERVER,
    body: async (workbench) => {
      const { server } = await refusedClient(workbench, { FAYE_TEST_REFUSAL: '403:token:No entry' },
        { code: 403, params: ['token'], message: /No entry/ });
      await server.stop();
    },
  },
});
