// A content security policy that does not let WebSockets out.

import assert from 'node:assert/strict';

import { assertNoPageErrors, openElsewhere, openFront, registerOurScenarios } from '../lib/our-scenarios.mjs';

async function worksWithout(client, server, forbidden) {
  await client.subscribe('/allowed');
  await client.publish('/allowed', 'message');
  await client.delivery('/allowed', 'message');
  assert.ok(!forbidden.includes(await client.perform('connectionType')));
  assertNoPageErrors(client);
  await client.disconnect();
  await server.stop();
}

async function noWebSocketOnTheSameOrigin(workbench) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server, { policy: (origin) => `default-src 'self'; connect-src ${origin}` });
  const client = await workbench.openClient(server, { pageOrigin: front.origin, endpoint: front.endpoint });
  await worksWithout(client, server, ['websocket']);
  assert.equal(front.webSocketsSeen, 0);
}

async function onlyScriptsElsewhere(workbench) {
  const server = await workbench.startServer();
  const { origin } = await openElsewhere(workbench, {
    policy: () => `default-src 'self'; connect-src 'none'; script-src 'self' ${server.origin}`,
  });
  const client = await workbench.openClient(server, { pageOrigin: origin, endpoint: server.url });
  await worksWithout(client, server, ['websocket', 'cross-origin-long-polling']);
}

async function noWorker(workbench) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server, { policy: () => "default-src 'self'; worker-src 'none'" });
  const client = await workbench.openClient(server, {
    pageOrigin: front.origin, endpoint: front.endpoint, options: { shared: true },
  });
  await worksWithout(client, server, ['shared']);
}

registerOurScenarios('our client under a content security policy', {
  'that forbids WebSockets': noWebSocketOnTheSameOrigin,
  'that allows only scripts of the server': onlyScriptsElsewhere,
  'that forbids workers': noWorker,
});
