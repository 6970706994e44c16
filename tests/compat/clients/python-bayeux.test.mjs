// python-bayeux, a client of Salesforce's Streaming API: it begins a new session only if the error of a connect is exactly
// Salesforce's text for an unknown session.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER, startServer } from '../lib/server.mjs';
import { Program } from '../lib/websub/program.mjs';

const PROGRAM = fileURLToPath(new URL('../lib/python-bayeux/client.py', import.meta.url));
/** Where scripts/test-tools installs it. */
const PYTHON = fileURLToPath(new URL('../../../target/python-bayeux/bin/python', import.meta.url));

async function publish(server, data) {
  const [reply] = await sendMessages(server.url, [{ channel: '/orders', data }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
}

/** Starts a server and a subscriber that has received a message; ends its session. */
async function lostSession(context, environment) {
  assert.ok(existsSync(PYTHON), `${PYTHON} is missing: run scripts/test-tools`);
  const server = await startServer(environment, OUR_SERVER);
  context.after(() => server.discard());
  const client = Program.start(context, PYTHON, [PROGRAM, server.url], {
    env: { ...process.env, NO_PROXY: '*', PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
  await client.prints('subscribed True');
  await publish(server, { number: 1 });
  await client.prints('received {"number": 1}');
  const [, clientId] = /^handshake 1 (\w+)$/m.exec(client.output);
  await sendMessages(server.url, [{ channel: '/meta/disconnect', clientId }]);
  return { server, client, clientId };
}

test("python-bayeux begins a new session by Salesforce's text", async (context) => {
  const { server, client } = await lostSession(context, { FAYE_DIALECT__UNKNOWN_CLIENT: 'salesforce' });
  await client.prints('refused 1 403::Unknown client');
  await client.prints('handshake 2 ');
  await client.prints('subscribed True', 2);
  await publish(server, { number: 2 });
  await client.prints('received {"number": 2}');
});

test("python-bayeux never begins a new session by Faye's text", async (context) => {
  const { client, clientId } = await lostSession(context, {});
  await client.prints(`refused 5 401:${clientId}:Unknown client`);
  assert.ok(!client.output.includes('handshake 2 '), client.output);
});
