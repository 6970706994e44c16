/** The files of a release that the tests check: `make install-check` builds them into target/install/dist. */

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

export const repository = join(import.meta.dirname, '../../..');
export const dist = join(repository, 'target/install/dist');

if (process.getuid() !== 0) throw new Error('These tests install packages in a folder as root (chroot): run them as root.');
if (!existsSync(join(dist, 'SHA256SUMS'))) throw new Error(`${dist} is missing: run make install-check, which builds it first.`);

/** Runs a program to its end and returns what it prints. */
export function run(program, args, options = {}) {
  return execFileSync(program, args, { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

/** Runs a program that may fail. */
export function attempt(program, args, options = {}) {
  return spawnSync(program, args, { cwd: repository, encoding: 'utf8', ...options });
}

const metadata = JSON.parse(run('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline']));
export const crate = metadata.packages.find(({ name }) => name === 'faye-server');
export const version = crate.version;
export const target = /^host: (.*)$/m.exec(run('rustc', ['-vV']))[1];
export const name = `faye-${version}-${target}`;
export const commitTime = Number(run('git', ['log', '-1', '--format=%ct']));

export const files = {
  tarball: join(dist, `${name}.tar.gz`),
  deb: join(dist, `faye_${version}-1_amd64.deb`),
  crate: join(dist, `faye-server-${version}.crate`),
  npm: join(dist, `faye-client-${version}.tgz`),
  image: join(dist, `faye-${version}-image.tar.gz`),
};

/** A folder that is removed at the end of the test file. Other accounts can read it. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), 'faye-install-'));
  chmodSync(path, 0o755);
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Unpacks an archive and returns its folder. */
export function unpack(archive, into = folder()) {
  run('tar', ['--extract', '--file', archive, '--directory', into]);
  return into;
}
