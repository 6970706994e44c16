/** A server that runs in a root folder: its start, its address, and its end. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after } from 'node:test';

/** What a script that enters a root has to do first: mounts that end with the process. */
const MOUNTS = `
set -eu
root=$1
shift
mount --make-rprivate /
mount --rbind "$root" "$root"
mount -o remount,bind,ro "$root"
if [ -d "$root/proc" ]; then mount -t proc proc "$root/proc"; fi
exec "$@"
`;

/**
 * Starts a program with a root that is read-only, in a mount namespace of its own; the process is the program itself, so signals reach it.
 * `command` is run outside the root and enters it, for example by chroot.
 */
export function start(command, { root, env = {} }) {
  const args = ['--mount', 'sh', '-c', MOUNTS, 'mounts', root, ...command];
  const child = spawn('unshare', args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  after(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  return { child, errors: () => errors, ended: once(child, 'close') };
}

/** Waits for the line that names the address. */
export async function address({ child, errors, ended }) {
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const found = /https?:\/\/[^\s/]+/.exec(line)?.[0];
    if (found) {
      child.stdout.resume();
      return found;
    }
  }
  await ended;
  throw new Error(`the server ended without an address:\n${lines.join('\n')}\n${errors()}`);
}

/** Checks that the server does its work: it is healthy, has the client's script, and delivers a publication. */
export async function check(url) {
  const health = await fetch(`${url}/healthz`);
  assert.equal(health.status, 200, 'GET /healthz');
  const script = await fetch(`${url}/faye/client.js`);
  assert.equal(script.status, 200, 'GET /faye/client.js');
  assert.match(await script.text(), /Faye/);

  const post = async (message) => (await (await fetch(`${url}/faye`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
  })).json());
  const [handshake] = await post({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] });
  const { clientId } = handshake;
  const [subscribed] = await post({ channel: '/meta/subscribe', clientId, subscription: '/hello' });
  assert.equal(subscribed.successful, true);
  await post({ channel: '/hello', data: 'installed' });
  const replies = await post({ channel: '/meta/connect', clientId, connectionType: 'long-polling' });
  assert.ok(replies.some(({ channel, data }) => channel === '/hello' && data === 'installed'), JSON.stringify(replies));
  return handshake;
}

/** Stops the server as systemd and container runtimes do, and expects it to end well. */
export async function stop({ child, ended, errors }) {
  child.kill('SIGTERM');
  const [code, signal] = await ended;
  assert.deepEqual([code, signal], [0, null], errors());
}
