// django-push against the binary: a Django project that publishes a feed and subscribes to it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { freePort } from '../../lib/ports.mjs';
import { Program, folderWith, run } from '../../lib/websub/program.mjs';
import { openStage } from '../../lib/websub/stage.mjs';

const PROJECT = fileURLToPath(new URL('django-project.py', import.meta.url));
/** Where scripts/test-tools installs it. */
const PYTHON = fileURLToPath(new URL('../../../../target/django-push/bin/python', import.meta.url));

test('django-push publishes, subscribes, receives and unsubscribes', async (context) => {
  assert.ok(existsSync(PYTHON), `${PYTHON} is missing: run scripts/test-tools`);
  const { bench, url, link } = await openStage(context);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const environment = {
    ...process.env, DATABASE: join(folderWith(context, {}), 'db.sqlite3'), PUSH_DOMAIN: `127.0.0.1:${port}`, HUB: url, HUB_LINK: link,
    NO_PROXY: '*', PYTHONWARNINGS: 'ignore', PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1',
  };
  await run(PYTHON, [PROJECT, 'migrate', '--verbosity', '0'], { env: environment });
  const project = Program.start(context, PYTHON, [PROJECT, 'runserver', '--noreload', `127.0.0.1:${port}`], { env: environment });
  await project.answers(`${origin}/feed/`);
  const ask = async (path) => {
    const response = await fetch(`${origin}${path}`, { method: 'POST' });
    const text = await response.text();
    assert.equal(response.status, 200, `${path}: ${text.slice(0, 500)}\n${project.output}`);
    return JSON.parse(text);
  };

  // A control, whose deliveries show that the hub is finished with a version.
  const topic = { url: `${origin}/feed/` };
  const control = await bench.callback();
  assert.equal((await bench.subscribe(control, topic, { 'hub.verify': 'sync' })).status, 204);
  const write = async (title) => {
    assert.deepEqual(await ask(`/write/${title}/`), { status: 204 });
    await control.delivery(title, ({ body }) => body.includes(title));
  };

  // It asks for "sync" or "async" verification, and takes 204 for verified.
  assert.deepEqual(await ask('/subscribe/'), { verified: true, expires: true });
  await write('first');
  await project.prints(`received first hub=${link} self=${topic.url}`);
  await write('second');
  await project.prints('received second,first');

  assert.deepEqual(await ask('/unsubscribe/'), { left: 0 });
  await write('third');
  await write('fourth');
  assert.ok(!project.output.includes('received third'), project.output);
});
