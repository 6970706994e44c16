/** The Debian package: installed, started, upgraded, removed and purged in a minimal Debian that systemd has booted. */

import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { files, folder, run, version } from './lib/dist.mjs';
import { READY, boot, debian, list } from './lib/root.mjs';

const UNIT = '/usr/lib/systemd/system/faye.service';
const HANDSHAKE = `curl --silent --fail --header 'Content-Type: application/json' http://127.0.0.1:8000/faye \
  --data '{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}'`;
const STATE = "dpkg-query --show --showformat='${Status} ${Version}' faye";
const PID = 'systemctl show --property MainPID --value faye';

/** The same package with a higher version and a change in a conffile. */
function upgraded() {
  const place = folder();
  const tree = join(place, 'tree');
  run('dpkg-deb', ['--raw-extract', files.deb, tree]);
  const control = join(tree, 'DEBIAN/control');
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}-2`));
  appendFileSync(join(tree, 'etc/faye/faye.toml'), '\n# Added by the new version.\n');
  run('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, join(place, 'new.deb')]);
  return join(place, 'new.deb');
}

/** What each step printed. */
let seen;

before(() => {
  const root = debian();
  mkdirSync(join(root, 'root/files'), { recursive: true });
  copyFileSync(files.deb, join(root, 'root/files/old.deb'));
  copyFileSync(upgraded(), join(root, 'root/files/new.deb'));
  seen = boot(root, {
    before: list(),
    install: 'dpkg --install old.deb',
    state: STATE,
    verify: 'dpkg --verify faye',
    account: 'getent passwd faye',
    files: 'dpkg --listfiles faye',
    conffiles: "dpkg-query --show --showformat='${Conffiles}' faye",
    settings: 'cat /etc/faye/faye.toml',
    secrets: 'stat --format "%a %U" /etc/faye/environment',
    unit: `systemd-analyze verify ${UNIT} && systemctl is-enabled faye && systemctl is-active faye`,
    ready: READY,
    process: 'ps -o user= -C faye',
    folder: 'stat --format %U /var/lib/faye',
    exposure: 'systemd-analyze security --no-pager --threshold=20 faye',
    handshake: HANDSHAKE,
    publish: `faye publish /hello '"x"'`,
    reload: `${PID}; systemctl reload faye; ${PID}; ${READY}`,
    change: `sed -i 's/^#timeout = "25s"$/timeout = "20s"/' /etc/faye/faye.toml; echo FAYE_LOG__LEVEL=debug >>/etc/faye/environment`,
    upgrade: `${PID}; dpkg --force-confdef --install new.deb >&2; ${PID}; ${READY} >&2; ${STATE}`,
    upgradedSettings: 'cat /etc/faye/faye.toml /etc/faye/environment',
    newSettings: 'cat /etc/faye/faye.toml.dpkg-dist',
    upgradedHandshake: HANDSHAKE,
    remove: `touch /var/lib/faye/kept; dpkg --remove faye >&2; ${STATE}`,
    removed: `! systemctl is-active faye; ! test -e /usr/bin/faye; ! test -e ${UNIT}; ! test -e /usr/share/doc/faye`,
    kept: 'ls /var/lib/faye; grep timeout /etc/faye/faye.toml; ls /etc/faye',
    purge: `dpkg --purge faye >&2; ! ${STATE}`,
    after: list(),
    left: 'getent passwd faye',
  });
});

test('it installs with its files', () => {
  assert.equal(seen.state, `install ok installed ${version}-1`);
  assert.equal(seen.verify, '');
  const listed = seen.files.split('\n');
  for (const file of ['/usr/bin/faye', UNIT, '/usr/share/man/man1/faye.1.gz', '/usr/share/bash-completion/completions/faye',
    '/usr/share/zsh/vendor-completions/_faye', '/usr/share/fish/vendor_completions.d/faye.fish', '/usr/share/doc/faye/copyright',
    '/usr/share/doc/faye/THIRD-PARTY-NOTICES.txt', '/usr/share/doc/faye/RUST-LIBRARY-NOTICES.html', '/usr/share/doc/faye/docs/install.md']) {
    assert.ok(listed.includes(file), file);
  }
});

test('it creates a system account without a shell', () => {
  const [, , uid, , , home, shell] = seen.account.split(':');
  assert.ok(Number(uid) > 0 && Number(uid) < 1000, uid);
  assert.equal(home, '/var/lib/faye');
  assert.match(shell, /nologin$/);
});

test('its settings are conffiles: defaults in comments, secrets for root alone', () => {
  assert.deepEqual(seen.conffiles.match(/\/\S+/g).sort(), ['/etc/faye/environment', '/etc/faye/faye.toml']);
  assert.match(seen.settings, /^#listen = "127\.0\.0\.1:8000"$/m);
  assert.doesNotMatch(seen.settings, /^[^#[\n]/m);
  assert.equal(seen.secrets, '600 root');
});

test('systemd starts it in its sandbox, not as root, and it serves', () => {
  assert.match(seen.unit, /enabled\s+active/);
  assert.equal(seen.ready, 'ok');
  assert.equal(seen.process, 'faye');
  assert.equal(seen.folder, 'faye');
  const [handshake] = JSON.parse(seen.handshake);
  assert.equal(handshake.successful, true);
  assert.equal(handshake.advice.timeout, 25_000);
});

test('a reload keeps the process', () => {
  const [first, second] = seen.reload.split('\n');
  assert.ok(Number(first) > 0);
  assert.equal(first, second);
});

test('an upgrade restarts it and keeps what the administrator changed', () => {
  const [first, second, state] = seen.upgrade.split('\n');
  assert.ok(Number(first) > 0 && Number(second) > 0);
  assert.notEqual(first, second);
  assert.equal(state, `install ok installed ${version}-2`);
  assert.match(seen.upgradedSettings, /^timeout = "20s"$/m);
  assert.match(seen.upgradedSettings, /^FAYE_LOG__LEVEL=debug$/m);
  assert.doesNotMatch(seen.upgradedSettings, /Added by the new version/);
  assert.match(seen.newSettings, /Added by the new version/);
  const [handshake] = JSON.parse(seen.upgradedHandshake);
  assert.equal(handshake.advice.timeout, 20_000);
});

test('a removal stops it and keeps settings and state', () => {
  assert.match(seen.remove, /^deinstall ok config-files/);
  assert.match(seen.kept, /^kept\ntimeout = "20s"$/m);
  assert.match(seen.kept, /^environment$/m);
});

test('a purge leaves only the account', () => {
  const old = new Set(seen.before.split('\n'));
  assert.deepEqual(seen.after.split('\n').filter((path) => !old.has(path)), []);
  assert.equal(seen.left, seen.account);
});
