// The packages that programs of documents may import, once a run: the client as installed from a pack, and React and
// ws as its users have them.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OWN = fileURLToPath(new URL('../node_modules/', import.meta.url));
const OFFERED = ['react', 'react-dom', 'scheduler', 'ws'];

let made = null;

/** The `node_modules` folder with the client of that checkout; made once. */
export function packages(repository) {
  made ??= make(repository);
  return join(made, 'node_modules');
}

function make(repository) {
  const folder = mkdtempSync(join(tmpdir(), 'faye-snippets-packages-'));
  const npm = (...words) => execFileSync('npm', [...words, '--offline', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, npm_config_cache: join(folder, 'cache') } });
  const pack = npm('pack', join(repository, 'client-js'), '--pack-destination', folder, '--ignore-scripts').trim().split('\n').at(-1);
  writeFileSync(join(folder, 'package.json'), '{"private": true}\n');
  npm('install', join(folder, pack), '--ignore-scripts', '--omit=peer');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  for (const name of OFFERED) symlinkSync(join(OWN, name), join(folder, 'node_modules', name));
  return folder;
}

export function removePackages() {
  if (made) rmSync(made, { recursive: true, force: true });
  made = null;
}
