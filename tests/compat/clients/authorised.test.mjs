// The official clients where not everybody may do everything: a board whose browsers only listen, and tokens.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { makeToken, startApplication, TOKEN_SECRET } from '../lib/application.mjs';
import { NODE_TRANSPORTS, openNodeClient } from '../lib/node-client.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { registerTest } from '../lib/workbench.mjs';

/** What is for the server itself, and reaches nobody else. */
const FOR_THE_SERVER = ['handshake', 'connect', 'subscribe', 'unsubscribe', 'disconnect'].map((verb) => `/meta/${verb}`);

const VERSIONS = ['faye-0.8.11', 'faye-1.0.4', 'faye-1.2.5', 'faye'];

const boardSettings = (url) => `
[push]
secret = "push me"

[hook]
url = "${url}"

[[channel]]
match = "/projects/**"
publish = "secret"
subscribe = "hook"
`;

const TOKEN_SETTINGS = `
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"

[[channel]]
match = "/rooms/**"
publish = "token"
subscribe = "token"
`;

async function publishWithSecret(server, channel, data) {
  const [reply] = await sendMessages(server.url, [{ channel, data, ext: { password: 'push me' } }]);
  assert.equal(reply.successful, true, JSON.stringify(reply));
}

/** Its browsers add who they are to every message; its back end publishes. */
async function boardOnlyListens(workbench) {
  const url = await startApplication(workbench, ({ channel, message: { ext } }) => {
    if (ext?.user_id !== 'u7' || ext?.faye_token !== 'good') return 'Invalid subscription faye token';
    return channel === `/projects/${ext.project_id}` || '403::No access to the project';
  });
  const server = await workbench.startServer({}, boardSettings(url));
  const ext = { user_id: 'u7', faye_token: 'good', project_id: 7 };
  const member = await workbench.openClient(server, { ext });
  const stranger = await workbench.openClient(server, { ext: { ...ext, faye_token: 'bad' } });
  await member.connectSubscribed('/projects/7');
  await assert.rejects(member.subscribe('/projects/8'), { code: 403 });
  await assert.rejects(member.subscribe('/**'), { code: 403 });
  await assert.rejects(stranger.subscribe('/projects/7'), /Invalid subscription faye token/);
  await assert.rejects(member.publish('/projects/7', 'from a browser'), { code: 403 });

  for (let number = 1; number <= 20; number += 1) await publishWithSecret(server, '/projects/7', number);
  await member.delivery('/projects/7', 20);
  assert.deepEqual(member.delivered('/projects/7'), Array.from({ length: 20 }, (_, index) => index + 1));
  assert.ok(member.received().every((message) => !JSON.stringify(message).includes('push me')));
  assert.deepEqual(stranger.received(), []);

  await server.crash();
  await member.perform('connectionType');
  const mark = member.log.mark();
  await server.start();
  const { clientId } = await member.reply('/meta/handshake', () => true, mark);
  await member.reply('/meta/subscribe', (reply) => reply.clientId === clientId, mark);
  await publishWithSecret(server, '/projects/7', 'after');
  await member.delivery('/projects/7', 'after', mark);
  await member.disconnect();
  await server.stop();
}

/** @param extOn  the channels whose messages carry the token; all if not given */
function tokenAllowsItsRooms(extOn) {
  return async (workbench) => {
    const server = await workbench.startServer({}, TOKEN_SETTINGS);
    const token = makeToken({ sub: 'u7', subscribe: ['/rooms/7/**'], publish: ['/rooms/7/chat'] }, 3600);
    const client = await workbench.openClient(server, { ext: { token }, extOn });
    await client.connectSubscribed('/rooms/7/chat');
    await assert.rejects(client.subscribe('/rooms/8/chat'), { code: 403 });
    await assert.rejects(client.publish('/rooms/8/chat', 'x'), { code: 403 });
    for (const number of [1, 2, 3]) await client.publish('/rooms/7/chat', number);
    await client.delivery('/rooms/7/chat', 3);
    assert.deepEqual(client.delivered('/rooms/7/chat'), [1, 2, 3]);
    assert.ok(client.received().every((message) => !JSON.stringify(message).includes(token)));
    const handshakes = client.log.since(0, ({ kind, message }) => kind === 'outgoing' && message.channel === '/meta/handshake');
    assert.equal(handshakes.length, 1, 'the session is known again, however its messages come');
    await client.disconnect();
    await server.stop();
  };
}

for (const version of VERSIONS) {
  for (const transport of NODE_TRANSPORTS) {
    describe(`${version} in Node over ${transport}, authorised`, () => {
      const open = (server, more) => openNodeClient(version, version, transport, server.url, more);
      registerTest('a board whose browsers only listen', open, boardOnlyListens);
      registerTest('a token with every message', open, tokenAllowsItsRooms(undefined));
      registerTest('a token with every message to the server itself', open, tokenAllowsItsRooms(FOR_THE_SERVER));
      // By its cookie the client is known again. A socket that it opens before it has the cookie does not bring it.
      if (transport === 'long-polling') {
        registerTest('a token with the handshake only', open, tokenAllowsItsRooms(['/meta/handshake']));
      }
    });
  }
}
