// The same extension files in npm Faye's server and in ours: the official client, which may have an extension of its own,
// sees no difference over HTTP and WebSocket, plain and by TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { makeCertificate } from '../lib/certificate.mjs';
import { Server } from '../lib/server.mjs';

const require = createRequire(import.meta.url);
const faye = require('faye');

const path = (name) => fileURLToPath(new URL(`../../extensions/${name}`, import.meta.url));
const FILES = ['auth.js', 'push-only.js'].map(path);
const TAGGED = [path('tagged.js')];

const folder = mkdtempSync(join(tmpdir(), 'faye-extensions-'));
after(() => rmSync(folder, { recursive: true }));
const { key, certificate } = makeCertificate(folder);

process.env.PUSH_PASSWORD = 'sesame';

async function startOurs(files, isSecure) {
  const tls = isSecure ? { FAYE_TLS__CERTIFICATE: certificate, FAYE_TLS__KEY: key } : {};
  const settings = { FAYE_EXTENSIONS__FILES: files.join(','), FAYE_EXTENSIONS__ENVIRONMENT: 'PUSH_PASSWORD' };
  const server = new Server({ ...settings, ...tls });
  await server.start();
  return { url: server.url, stop: () => server.discard() };
}

async function startFayes(files, isSecure) {
  const bayeux = new faye.NodeAdapter({ mount: '/faye', timeout: 10 });
  for (const file of files) bayeux.addExtension(require(file));
  const secrets = () => ({ cert: readFileSync(certificate), key: readFileSync(key) });
  const http = isSecure ? createSecureServer(secrets()) : createServer();
  bayeux.attach(http);
  await once(http.listen(0, '127.0.0.1'), 'listening');
  const stop = () => {
    http.close();
    http.closeAllConnections();
  };
  return { url: `${isSecure ? 'https' : 'http'}://127.0.0.1:${http.address().port}/faye`, stop };
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
    const { url, stop } = await start(FILES, false);
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

  for (const isSecure of [false, true]) {
    for (const isSocket of [false, true]) {
      const way = `${isSocket ? 'WebSocket' : 'HTTP'}${isSecure ? ' by TLS' : ''}`;
      testMessages(`${name} over ${way}`, () => start(TAGGED, isSecure), isSocket);
    }
  }
}

// tests/extensions/javascript.rs runs the file in our server.
test('the results that bytes.js expects are those of Node', () => {
  const { cases, differences } = require(path('bytes.js'));
  assert.ok(cases > 100);
  assert.deepEqual(differences(), []);
});

/**
 * What Faye's own integration tests state about a server with an extension whose `outgoing` has three parameters: a
 * publication is tagged on its way in, and is delivered with the URL of the request on its way out.
 */
function testMessages(title, start, isSocket) {
  const seen = (data) => ({ ...data, tagged: true, url: '/faye' });
  const hello = { hello: 'world' };
  const examples = {
    'a message is delivered': [['/foo', { ...hello, extra: null }]],
    'several messages are delivered': [['/foo', hello], ['/foo', hello]],
    'letters of several bytes are delivered': [['/foo', { hello: 'Apple = \uf8ff, \u{1f34f}' }]],
    'a message of another channel is not delivered': [['/bar', hello]],
  };
  for (const [example, publications] of Object.entries(examples)) {
    test(`${title}: ${example}`, { timeout: 60_000 }, async (context) => {
      const { url, stop } = await start();
      const open = () => {
        const client = new faye.Client(url, { tls: { ca: readFileSync(certificate) } });
        if (!isSocket) client.disable('websocket');
        return client;
      };
      const [alice, bob] = [open(), open()];
      context.after(async () => {
        await Promise.all([alice.disconnect(), bob.disconnect()]);
        await stop();
      });
      const received = [];
      await bob.subscribe('/foo', (data) => received.push(data));
      // Published last: what was to come before has come then.
      const last = new Promise((resolve) => bob.subscribe('/last', resolve));
      await new Promise((resolve) => alice.connect(resolve));
      for (const [channel, data] of publications) await alice.publish(channel, data);
      await bob.publish('/last', {});
      assert.deepEqual(await last, seen({}));
      const expected = publications.filter(([channel]) => channel === '/foo').map(([, data]) => seen(data));
      assert.deepEqual(received, expected);
    });
  }
}
