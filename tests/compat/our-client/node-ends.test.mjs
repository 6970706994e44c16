// A Node script that disconnects its client ends by itself: nothing of the client keeps the process alive.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe } from 'node:test';

import { installClient } from '../lib/installed-client.mjs';
import { freePort } from '../lib/ports.mjs';
import { registerTest } from '../lib/workbench.mjs';

/** What the script of the application does before it disconnects. */
const SCRIPTS = {
  'after messages': `
    await client.subscribe('/news', () => {});
    await client.publish('/news', 1);`,
  'right after the session began': `
    await new Promise((resolve) => client.connect(resolve));`,
  'before it did anything': '',
  'while the server is away': `
    await client.publish('/news', 1);
    const down = new Promise((resolve) => client.on('transport:down', resolve));
    console.log('connected');
    await down;`,
  'where there has never been a server': `
    const tried = new Promise((resolve) => client.on('connection', ({ retryIn }) => retryIn && resolve()));
    client.connect();
    await tried;`,
};

/** Prints what still keeps the process alive once the sockets have closed, and does not end it. */
const script = (steps) => `
  import Faye from './application.mjs';
  const [url, ...disabled] = process.argv.slice(2);
  const client = new Faye.Client(url);
  for (const type of disabled) client.disable(type);
  ${steps}
  await client.disconnect().catch(() => {});
  const alive = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout' || /TCP|TLS/.test(kind));
  while (alive().some((kind) => kind !== 'Timeout')) await new Promise(setImmediate);
  console.log('left: ' + alive());
`;

async function run(installed, steps, url, disabled, told) {
  const file = join(dirname(installed.module), 'script.mjs');
  writeFileSync(file, script(steps));
  const child = spawn(process.execPath, [file, url, ...disabled], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let left;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('left: ')) left = line;
    else await told?.(line);
  }
  const [code] = await exit;
  assert.deepEqual([left, code], ['left: ', 0]);
}

describe('a script that disconnects ends by itself', () => {
  const installed = installClient({ how: 'import', withWs: true });
  after(installed.remove);
  for (const [transport, disabled] of [['websocket', []], ['long-polling', ['websocket']]]) {
    for (const [when, steps] of Object.entries(SCRIPTS)) {
      registerTest(`over ${transport}, ${when}`, undefined, async (workbench) => {
        if (when === 'where there has never been a server') {
          return run(installed, steps, `http://127.0.0.1:${await freePort()}/faye`, disabled);
        }
        const server = await workbench.startServer();
        let stopped;
        await run(installed, steps, server.url, disabled, async () => (stopped = server.stop()));
        return stopped ?? server.stop();
      });
    }
  }
});
