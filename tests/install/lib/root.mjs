/** A minimal Debian in a folder, which systemd boots in a container without a network. Created once below target/install. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, folder, repository, run, unpack } from './dist.mjs';

/** The oldest Debian that docs/install.md names. */
const SUITE = 'bookworm';
const PACKAGES = 'adduser,curl,procps,systemd';
const cache = join(repository, `target/install/${SUITE}.tar`);

/** How long a boot and its steps may take before they are taken to have failed. No test passes or fails by a shorter time. */
const WATCHDOG = 300_000;

const UNIT = `[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /root/steps.sh
`;

/** Extracts a new root. */
export function debian() {
  if (!existsSync(cache)) {
    if (attempt('mmdebstrap', ['--version']).status !== 0) {
      throw new Error('mmdebstrap is missing: install it (apt-get install mmdebstrap).');
    }
    mkdirSync(join(cache, '..'), { recursive: true });
    run('mmdebstrap', ['--quiet', '--format=tar', '--variant=minbase', `--include=${PACKAGES}`, SUITE, `${cache}.new`]);
    renameSync(`${cache}.new`, cache);
  }
  return unpack(cache, folder());
}

/** Waits until the server answers at its documented address. */
export const READY = 'curl --silent --show-error --fail --retry 600 --retry-delay 1 --retry-all-errors --retry-max-time 60 http://127.0.0.1:8000/healthz';

/** What each boot and each package operation changes, apart from the accounts. */
const CHANGING = ['/root/*', '/tmp/*', '/var/tmp/*', '/var/log/*', '/var/cache/*', '/var/lib/dpkg/*', '/var/lib/apt/*', '/var/lib/systemd/*',
  '/etc/*-', '/etc/.pwd.lock', '/etc/subuid', '/etc/subgid'];

/** Lists every other path of the root; `only` is a test of find. */
export const list = (only = '') => `find / -xdev ${CHANGING.map((path) => `-not -path '${path}'`).join(' ')} ${only} | sort`;

/**
 * Boots the root and runs steps one after the other as root, each in a shell of its own that ends at its first error.
 * Returns what each step printed. A failed step is an error with the log of the service.
 */
export function boot(root, steps) {
  const place = join(root, 'root/steps');
  mkdirSync(place, { recursive: true });
  const names = Object.keys(steps);
  names.forEach((name, index) => writeFileSync(join(place, `${index}.sh`), `set -euo pipefail\ncd /root/files\n${steps[name]}\n`));
  writeFileSync(join(root, 'root/steps.sh'), `export HOME=/root DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for step in $(seq 0 ${names.length - 1}); do
  bash /root/steps/$step.sh >/root/steps/$step.out 2>/root/steps/$step.err </dev/null
  echo $? >/root/steps/$step.status
done
journalctl --unit faye --no-pager >/root/steps/journal
systemctl poweroff
`);
  mkdirSync(join(root, 'etc/systemd/system/multi-user.target.wants'), { recursive: true });
  writeFileSync(join(root, 'etc/systemd/system/steps.service'), UNIT);
  const link = join(root, 'etc/systemd/system/multi-user.target.wants/steps.service');
  symlinkSync('../steps.service', link);

  const args = ['--quiet', '--register=no', '--keep-unit', '--private-network', `--directory=${root}`, '--boot'];
  const booted = attempt('systemd-nspawn', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: WATCHDOG });
  assert.notEqual(booted.error?.code, 'ENOENT', 'systemd-nspawn is missing: install it (apt-get install systemd-container).');
  assert.ok(existsSync(join(place, 'journal')), `systemd did not boot, or a step did not end:\n${booted.stdout}\n${booted.stderr}`);
  const read = (file) => readFileSync(join(place, file), 'utf8').trim();
  return Object.fromEntries(names.map((name, index) => {
    const detail = () => `${name}: ${read(`${index}.out`)}\n${read(`${index}.err`)}\n${read('journal')}`;
    assert.equal(read(`${index}.status`), '0', detail());
    return [name, read(`${index}.out`)];
  }));
}
