// Subscribers in Python that print what they see, and the loss of their session.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { sendMessages } from './publish.mjs';
import { OUR_SERVER, startServer } from './server.mjs';
import { Program } from './websub/program.mjs';

const CHANNEL = '/orders';

/** Publishes on the channel of the subscribers. */
export async function publish(server, data) {
  const [reply] = await sendMessages(server.url, [{ channel: CHANNEL, data }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
}

/**
 * Starts a server and a subscriber, and waits until it has received a message.
 *
 * @param folder  the folder of the program in this one, and of its packages in target/
 */
export async function startSubscriber(context, folder, programArguments, environment) {
  const program = fileURLToPath(new URL(`${folder}/client.py`, import.meta.url));
  // Where scripts/test-tools installs them.
  const python = fileURLToPath(new URL(`../../../target/${folder}/bin/python`, import.meta.url));
  assert.ok(existsSync(python), `${python} is missing: run scripts/test-tools`);
  const server = await startServer(environment, OUR_SERVER);
  context.after(() => server.discard());
  const client = Program.start(context, python, [program, ...programArguments, server.url], {
    env: { ...process.env, NO_PROXY: '*', PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
  });
  await client.prints('subscribed True');
  await publish(server, { number: 1 });
  await client.prints('received {"number": 1}');
  const [, clientId] = /^handshake 1 (\w+)$/m.exec(client.output);
  return { server, client, clientId };
}

/** Ends the session of a subscriber, which learns it from its next connect. */
export async function loseSession({ server, clientId }) {
  const [reply] = await sendMessages(server.url, [{ channel: '/meta/disconnect', clientId }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
}

/** Waits until a subscriber has a new session, with its subscription. */
export async function returnsAfterLoss({ server, client }) {
  await client.prints('handshake 2 ');
  await client.prints('subscribed True', 2);
  await publish(server, { number: 2 });
  await client.prints('received {"number": 2}');
}
