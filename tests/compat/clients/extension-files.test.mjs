// The same extension files in npm Faye's server and in ours: the official client, which has an extension of its own,
// sees no difference.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Server } from '../lib/server.mjs';

const require = createRequire(import.meta.url);
const faye = require('faye');

const FILES = ['auth.js', 'push-only.js'].map((name) => fileURLToPath(new URL(`../../extensions/${name}`, import.meta.url)));

process.env.PUSH_PASSWORD = 'sesame';

async function startOurs() {
  const server = new Server({ FAYE_EXTENSIONS__FILES: FILES.join(','), FAYE_EXTENSIONS__ENVIRONMENT: 'PUSH_PASSWORD' });
  await server.start();
  return { url: server.url, stop: () => server.discard() };
}

async function startFayes() {
  const bayeux = new faye.NodeAdapter({ mount: '/faye', timeout: 10 });
  for (const file of FILES) bayeux.addExtension(require(file));
  const http = createServer();
  bayeux.attach(http);
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const stop = () => {
    http.close();
    http.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${http.address().port}/faye`, stop };
}

/** A client whose messages have this `ext`, and all that it received. */
function openClient(url, ext) {
  const client = new faye.Client(url);
  const received = [];
  client.addExtension({
    outgoing(message, callback) {
      callback({ ...message, ext });
    },
    incoming(message, callback) {
      if (!message.channel.startsWith('/meta/') && message.successful === undefined) received.push(message);
      callback(message);
    },
  });
  return { client, received };
}

async function outcome(promise) {
  try {
    await promise;
    return 'done';
  } catch (error) {
    return `${error.code} ${error.params.join(',')} ${error.message}`;
  }
}

for (const [name, start] of [["Faye's server", startFayes], ['our server', startOurs]]) {
  test(`${name} runs the files`, { timeout: 60_000 }, async (context) => {
    const { url, stop } = await start();
    const opened = [];
    context.after(async () => {
      // A client whose server is gone before it could say that it goes looks for it for ever.
      await Promise.all(opened.map(({ client }) => client.disconnect()));
      await stop();
    });
    const open = (ext) => {
      const one = openClient(url, ext);
      opened.push(one);
      return one;
    };

    const alice = open({ authToken: 'wonderland' });
    const heard = new Promise((resolve) => {
      alice.subscription = alice.client.subscribe('/users/alice', resolve);
    });
    assert.equal(await outcome(alice.subscription), 'done');
    assert.equal(await outcome(alice.client.subscribe('/users/bob', () => {})), '403 /users/bob Invalid subscription auth token');

    const stranger = open({ password: 'open' });
    assert.equal(await outcome(stranger.client.publish('/users/alice', 'refused')), '403  Password required');
    const desk = open({ password: 'sesame', from: 'desk' });
    assert.equal(await outcome(desk.client.publish('/users/alice', { text: 'hello' })), 'done');

    assert.deepEqual(await heard, { text: 'hello' });
    assert.deepEqual(alice.received.map(({ data, ext }) => ({ data, ext })), [{ data: { text: 'hello' }, ext: { from: 'desk' } }]);
  });
}
