// Our client renews a token that expires while it is connected, and loses no subscription by that.

import assert from 'node:assert/strict';
import { after, describe } from 'node:test';

import { makeToken, TOKEN_SECRET } from '../lib/application.mjs';
import { installClient } from '../lib/installed-client.mjs';
import { NODE_TRANSPORTS, openNodeClient } from '../lib/node-client.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { registerTest } from '../lib/workbench.mjs';

const SETTINGS = `
[token]
leeway = "0s"

[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"

[[channel]]
match = "/**"
publish = "token"
subscribe = "token"
`;

const SECONDS = 7;

async function tokenIsRenewed(workbench) {
  const server = await workbench.startServer({}, SETTINGS);
  const client = await workbench.openClient(server, { tokens: { seconds: SECONDS } });
  await client.connectSubscribed('/rooms/7');
  const token = makeToken({ publish: '/**' }, 600);
  const publish = async (data) => {
    const [reply] = await sendMessages(server.url, [{ channel: '/rooms/7', data, ext: { token } }]);
    assert.equal(reply.successful, true, JSON.stringify(reply));
  };
  await publish('before');
  await client.delivery('/rooms/7', 'before');
  const mark = client.log.mark();
  // The server takes the subscription away, and the client asks for it with a new token.
  await client.log.waitFor(({ kind, message }) => kind === 'incoming' && message.channel === '/meta/subscribe'
    && message.successful === false && message.error === '403::Token expired', mark);
  await client.reply('/meta/subscribe', () => true, mark);
  await publish('after');
  await client.delivery('/rooms/7', 'after', mark);
  assert.deepEqual(client.log.since(0, ({ kind }) => kind === 'subscription refused'), []);
  await client.disconnect();
  await server.stop();
}

const client = installClient({ how: 'import', withWs: true });
after(client.remove);
for (const transport of NODE_TRANSPORTS) {
  describe(`our client in Node over ${transport}, with tokens that expire`, () => {
    const open = (server, more) => openNodeClient('our client', client.module, transport, server.url, more);
    registerTest('a token that expires is renewed', open, tokenIsRenewed);
  });
}
