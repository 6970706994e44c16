/** A reader follows docs/install.md in a minimal Debian that has only the files of a release. */

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { dist, files, version } from './lib/dist.mjs';
import { commands, names, section, text } from './lib/document.mjs';
import { READY, boot, debian, list } from './lib/root.mjs';

const [verify] = commands('Verify the checksums');
const [install, remove, purge] = commands('Debian and Ubuntu');
const [tarball, service, enable, disable, clean] = commands('Tarball');

test('the document names the files of this version', () => {
  assert.deepEqual(names(), Object.values(files).map((path) => basename(path)).sort());
});

test('the Debian package and then the tarball install, run and are removed', () => {
  const root = debian();
  mkdirSync(join(root, 'root/files'), { recursive: true });
  for (const file of readdirSync(dist)) copyFileSync(join(dist, file), join(root, 'root/files', file));
  // The reader answers yes.
  writeFileSync(join(root, 'etc/apt/apt.conf.d/90answers'), 'APT::Get::Assume-Yes "true";\n');
  const documented = [...section('Debian and Ubuntu').matchAll(/^\| `(\/\S+)`/gm)].map(([, path]) => path);
  assert.ok(documented.length > 3);

  const seen = boot(root, {
    before: list(),
    verify,
    install,
    installed: `${READY}; ls -d ${documented.join(' ')}; systemctl reload faye; systemctl restart faye; ${READY}`,
    remove: `${remove}\nls /etc/faye/faye.toml`,
    purge: `${purge}\ndeluser --system faye`,
    afterPackage: list(),
    tarball: `${tarball}\nfaye --version`,
    service: `cd faye-${version}-*/\n${service}\n${enable}`,
    served: `${READY}\nsystemctl is-enabled faye\nfaye publish /hello '"x"'`,
    disable,
    clean,
    // The folders of /usr/local that `install` made stay.
    afterTarball: list('-not -type d'),
  });
  const old = new Set(seen.before.split('\n'));
  const added = (paths) => paths.split('\n').filter((path) => !old.has(path));
  for (const path of Object.values(files)) assert.ok(seen.verify.includes(`${basename(path)}: OK`), seen.verify);
  assert.match(seen.installed, /ok$/);
  assert.deepEqual(added(seen.afterPackage), []);
  assert.match(seen.tarball, new RegExp(`^faye ${version.replaceAll('.', '\\.')}$`, 'm'));
  assert.match(seen.served, /enabled/);
  assert.deepEqual(added(seen.afterTarball), []);
});

test('the document has no command that no test types', () => {
  const typed = ['Verify the checksums', 'Debian and Ubuntu', 'Tarball'].flatMap(commands).length;
  assert.equal(typed, 9);
  const other = ['Build the files', 'Container image', 'From source'].flatMap(commands).length;
  assert.equal(text.match(/^```sh$/gm).length, typed + other);
});
