/** A reader follows docs/install.md in a minimal Debian. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { files, version } from './lib/dist.mjs';
import { bring, commands, names, section, type } from './lib/document.mjs';
import { debian, inside, paths } from './lib/root.mjs';
import { address, check, stop } from './lib/server.mjs';
import { account, startUnit } from './lib/unit.mjs';

const [verify] = commands('Verify the checksums');

async function serves(root, unit) {
  // The document's address may be in use on this machine.
  writeFileSync(join(root, 'etc/faye/environment'), 'FAYE_SERVER__LISTEN=127.0.0.1:0\n');
  const server = startUnit(root, unit);
  await check(await address(server));
  await stop(server);
}

test('the document names the files of this version', () => {
  assert.deepEqual(names(), Object.values(files).map((path) => basename(path)).sort());
});

test('the Debian package installs, runs, and leaves nothing but the account', async () => {
  const root = debian();
  bring(root);
  const before = paths(root);
  const [install, remove, purge] = commands('Debian and Ubuntu');
  assert.match(type(root, verify, install), /\.deb: OK/);
  for (const [, path] of section('Debian and Ubuntu').matchAll(/^\| `(\/\S+)`/gm)) {
    if (path !== '/var/lib/faye') assert.ok(existsSync(join(root, path)), path);
  }
  await serves(root, 'usr/lib/systemd/system/faye.service');
  assert.ok(statSync(join(root, 'var/lib/faye')).isDirectory());
  type(root, remove);
  assert.ok(existsSync(join(root, 'etc/faye/faye.toml')));
  type(root, purge);
  assert.deepEqual(paths(root).filter((path) => !before.includes(path)), []);
  assert.ok(account(root, 'faye'));
  inside(root, 'deluser', '--system', '--quiet', 'faye');
  assert.throws(() => account(root, 'faye'));
});

test('the tarball installs, runs as a service, and can be removed', async () => {
  const root = debian();
  bring(root);
  const before = paths(root);
  const [install, service, remove] = commands('Tarball');
  type(root, verify, install, service);
  assert.equal(inside(root, 'faye', '--version').trim(), `faye ${version}`);
  await serves(root, 'etc/systemd/system/faye.service');
  type(root, remove);
  const left = paths(root).filter((path) => !before.includes(path) && !path.startsWith('/root/files/'));
  assert.deepEqual(left.filter((path) => !statSync(join(root, path)).isDirectory()), []);
});

test('the document has no command that no test types', () => {
  const tested = ['Verify the checksums', 'Debian and Ubuntu', 'Tarball'].flatMap(commands).length;
  assert.equal(tested, 7);
  const untested = ['Build the files', 'Container image', 'From source'].flatMap(commands).length;
  assert.equal((readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8').match(/^```sh$/gm) ?? []).length, tested + untested);
});
