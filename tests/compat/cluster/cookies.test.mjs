// The cookie of a browser proves its sessions at every node, whichever node has bound them and drawn its values.

import assert from 'node:assert/strict';

import { makeToken, TOKEN_SECRET } from '../lib/application.mjs';
import { startNodes, testNodes } from '../lib/cluster/nodes.mjs';

const SETTINGS = `
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"

[[channel]]
match = "/**"
publish = "anyone"
subscribe = "token"
`;

const token = (sub) => makeToken({ sub, subscribe: '/**' }, 3600);
const handshake = (ext) => ({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'], ext });
const connect = (clientId) => ({ channel: '/meta/connect', clientId, connectionType: 'long-polling', advice: { timeout: 0 } });

class Browser {
  cookie = '';

  async ask(url, message) {
    const headers = { 'Content-Type': 'application/json', Cookie: this.cookie };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify([message]) });
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return (await response.json())[0];
  }

  async done(url, message) {
    const reply = await this.ask(url, message);
    assert.equal(reply.successful, true, JSON.stringify(reply));
    return reply;
  }
}

testNodes('a cookie proves sessions that other nodes have bound, and one of an attacker none', async (workbench) => {
  const { nodes } = await startNodes(workbench, { startBalancer: null, settings: SETTINGS });
  const [a, b, c] = nodes.map(({ url }) => url);
  const attacker = new Browser();
  await attacker.done(a, handshake({ token: token('attacker') }));
  const browser = new Browser();
  // Written by the attacker, from a sibling domain for example.
  browser.cookie = attacker.cookie;
  const sessions = [];
  // Bound by its handshake, at each node.
  for (const url of [a, b, c]) {
    const { clientId } = await browser.done(url, handshake({ token: token('anna') }));
    sessions.push(clientId);
  }
  // Bound by a subscription that another node carries out.
  const { clientId } = await browser.done(a, handshake());
  await browser.done(b, { channel: '/meta/subscribe', clientId, subscription: '/a', ext: { token: token('bert') } });
  sessions.push(clientId);
  for (const session of sessions) {
    for (const url of [c, a, b]) {
      await browser.done(url, connect(session));
      const reply = await attacker.ask(url, connect(session));
      assert.equal(reply.error, `401:${session}:Unknown client`);
    }
  }
});
