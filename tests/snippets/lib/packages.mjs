// The packages that programs of documents may import, once a run: the client as installed from a pack, and React and
// ws as its users have them.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const OWN = fileURLToPath(new URL('../node_modules/', import.meta.url));
const OFFERED = ['react', 'react-dom', 'scheduler', 'ws'];

let folder = null;
let made = null;

/** The `node_modules` folder with the client of that checkout; made once. */
export function packages(repository) {
  made ??= make(repository);
  return made;
}

async function make(repository) {
  folder = mkdtempSync(join(tmpdir(), 'faye-snippets-packages-'));
  const npm = async (...words) => (await promisify(execFile)('npm', [...words, '--offline', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, env: { ...process.env, npm_config_cache: join(folder, 'cache') } })).stdout.trim();
  const pack = (await npm('pack', join(repository, 'client-js'), '--pack-destination', folder, '--ignore-scripts')).split('\n').at(-1);
  writeFileSync(join(folder, 'package.json'), '{"private": true}\n');
  await npm('install', join(folder, pack), '--ignore-scripts', '--omit=peer');
  const installed = join(folder, 'node_modules');
  mkdirSync(installed, { recursive: true });
  for (const name of OFFERED) symlinkSync(join(OWN, name), join(installed, name));
  return installed;
}

export function removePackages() {
  if (folder) rmSync(folder, { recursive: true, force: true });
  folder = null;
  made = null;
}
