/** The Debian package: installed, started as its unit says, upgraded, removed and purged in a minimal Debian. */

import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, lstatSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attempt, files, folder, run, version } from './lib/dist.mjs';
import { debian, inside, paths } from './lib/root.mjs';
import { address, check, stop } from './lib/server.mjs';
import { account, service, startUnit } from './lib/unit.mjs';

const UNIT = 'usr/lib/systemd/system/faye.service';

/** The same package with a higher version and a changed default in a conffile. */
function upgraded() {
  const place = folder();
  run('dpkg-deb', ['--raw-extract', files.deb, join(place, 'tree')]);
  const control = join(place, 'tree/DEBIAN/control');
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}-2`));
  appendFileSync(join(place, 'tree/etc/faye/faye.toml'), '\n# Added by the new version.\n');
  run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', join(place, 'tree'), join(place, 'new.deb')]);
  return join(place, 'new.deb');
}

const root = debian();
const before = paths(root);
const state = () => inside(root, 'dpkg-query', '--show', '--showformat=${Status} ${Version}', 'faye');

function install(deb) {
  copyFileSync(deb, join(root, 'tmp/faye.deb'));
  inside(root, 'dpkg', '--force-confdef', '--install', '/tmp/faye.deb');
  inside(root, 'rm', '/tmp/faye.deb');
}

async function works(limit) {
  const server = startUnit(root, UNIT);
  const { advice } = await check(await address(server));
  assert.equal(advice.timeout, limit);
  await stop(server);
}

test('it installs, with an account and its files', () => {
  install(files.deb);
  assert.equal(state(), `install ok installed ${version}-1`);
  assert.equal(inside(root, 'dpkg', '--verify', 'faye'), '');
  const { uid, home, shell } = account(root, 'faye');
  assert.ok(uid > 0 && uid < 1000, `a system account: ${uid}`);
  assert.equal(home, '/var/lib/faye');
  assert.match(shell, /nologin$/);
  for (const file of ['usr/bin/faye', 'usr/share/man/man1/faye.1.gz', 'usr/share/bash-completion/completions/faye',
    'usr/share/zsh/vendor-completions/_faye', 'usr/share/fish/vendor_completions.d/faye.fish', 'usr/share/doc/faye/copyright',
    'usr/share/doc/faye/THIRD-PARTY-NOTICES.txt', 'usr/share/doc/faye/RUST-LIBRARY-NOTICES.html', 'usr/share/doc/faye/docs/install.md']) {
    assert.ok(statSync(join(root, file)).size > 0, file);
  }
  assert.equal(inside(root, 'faye', '--version').trim(), `faye ${version}`);
});

test('its settings are conffiles: defaults in comments, secrets for root alone', () => {
  const conffiles = inside(root, 'dpkg-query', '--show', '--showformat=${Conffiles}', 'faye').match(/\/\S+/g).sort();
  assert.deepEqual(conffiles, ['/etc/faye/environment', '/etc/faye/faye.toml']);
  const settings = readFileSync(join(root, 'etc/faye/faye.toml'), 'utf8');
  assert.match(settings, /^#listen = "127\.0\.0\.1:8000"$/m);
  assert.doesNotMatch(settings, /^[^#[\n]/m);
  assert.equal(statSync(join(root, 'etc/faye/environment')).mode & 0o777, 0o600);
  inside(root, 'faye', 'check', '--offline', '/etc/faye/faye.toml');
});

test('its unit is correct, enabled, and does not run as root', () => {
  // The root has no systemd, so the unit is checked next to the units of this machine, with the binary of the root.
  const unit = readFileSync(join(root, UNIT), 'utf8');
  const copy = join(folder(), 'faye.service');
  writeFileSync(copy, unit.replaceAll('=/usr/bin/faye ', `=${root}/usr/bin/faye `));
  const verify = attempt('systemd-analyze', ['verify', '--man=no', copy]);
  assert.equal(verify.error, undefined, 'systemd-analyze is missing: install it (apt-get install systemd)');
  assert.equal(verify.status, 0, verify.stderr);
  assert.doesNotMatch(verify.stderr, /faye\.service/);
  assert.ok(lstatSync(join(root, 'etc/systemd/system/multi-user.target.wants/faye.service')).isSymbolicLink());
  const keys = service(unit);
  assert.deepEqual(keys.get('User'), ['faye']);
  assert.equal(keys.get('DynamicUser'), undefined);
});

test('it starts as its unit says', async () => {
  // The environment file is where an administrator changes the address; port 0 keeps the test off ports in use.
  appendFileSync(join(root, 'etc/faye/environment'), 'FAYE_SERVER__LISTEN=127.0.0.1:0\n');
  await works(25_000);
  const { uid, gid } = account(root, 'faye');
  const { uid: owner, gid: group } = statSync(join(root, 'var/lib/faye'));
  assert.deepEqual([owner, group], [uid, gid]);
});

test('an upgrade keeps what the administrator changed', async () => {
  const settings = join(root, 'etc/faye/faye.toml');
  writeFileSync(settings, readFileSync(settings, 'utf8').replace('#timeout = "25s"', 'timeout = "20s"'));
  install(upgraded());
  assert.equal(state(), `install ok installed ${version}-2`);
  assert.match(readFileSync(settings, 'utf8'), /^timeout = "20s"$/m);
  assert.doesNotMatch(readFileSync(settings, 'utf8'), /Added by the new version/);
  assert.match(readFileSync(`${settings}.dpkg-dist`, 'utf8'), /Added by the new version/);
  assert.match(readFileSync(join(root, 'etc/faye/environment'), 'utf8'), /^FAYE_SERVER__LISTEN=/m);
  await works(20_000);
});

test('a removal keeps settings and state', () => {
  writeFileSync(join(root, 'var/lib/faye/kept'), '');
  inside(root, 'dpkg', '--remove', 'faye');
  assert.match(state(), /^deinstall ok config-files/);
  for (const gone of ['usr/bin/faye', UNIT, 'usr/share/doc/faye', 'usr/share/man/man1/faye.1.gz']) {
    assert.ok(!existsSync(join(root, gone)), `${gone} is still there`);
  }
  assert.match(readFileSync(join(root, 'etc/faye/faye.toml'), 'utf8'), /^timeout = "20s"$/m);
  assert.deepEqual(readdirSync(join(root, 'var/lib/faye')), ['kept']);
});

test('a purge leaves only the account', () => {
  inside(root, 'dpkg', '--purge', 'faye');
  assert.equal(attempt('chroot', [root, 'dpkg-query', '--show', 'faye']).status, 1);
  assert.deepEqual(paths(root).filter((path) => !before.includes(path)), []);
  assert.ok(account(root, 'faye').uid > 0);
});
