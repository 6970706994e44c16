/** A minimal Debian in a folder, in which packages are installed. Created once and kept below target/install. */

import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, folder, repository, run, unpack } from './dist.mjs';

/** The oldest Debian that docs/install.md names. */
const SUITE = 'bookworm';
const cache = join(repository, `target/install/${SUITE}.tar`);

/** Extracts a new root. */
export function debian() {
  if (!existsSync(cache)) {
    if (attempt('mmdebstrap', ['--version']).status !== 0) {
      throw new Error('mmdebstrap is missing: install it (apt-get install mmdebstrap).');
    }
    mkdirSync(join(cache, '..'), { recursive: true });
    run('mmdebstrap', ['--quiet', '--format=tar', '--variant=apt', '--include=adduser', SUITE, `${cache}.new`]);
    renameSync(`${cache}.new`, cache);
  }
  return unpack(cache, folder());
}

/** Runs a program in the root. */
export function inside(root, program, ...args) {
  const env = { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  return run('chroot', [root, program, ...args], { env });
}

/** Every path below a folder but those that every package operation changes. */
export function paths(root) {
  const changed = /^\/(run\/|var\/(lib\/dpkg|lib\/apt|log|cache)\/|etc\/(passwd|group|shadow|gshadow)-?$|etc\/(subuid|subgid)-?$)/;
  const found = [];
  const walk = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      const below = `${path}/${entry.name}`;
      if (!changed.test(below)) found.push(below);
      if (entry.isDirectory()) walk(below);
    }
  };
  walk('');
  return found.sort();
}
