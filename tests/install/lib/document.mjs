/** The commands of docs/install.md, which run here as a reader types them: as root, in a folder with the files of a release. */

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, repository } from './dist.mjs';
import { inside } from './root.mjs';

const text = readFileSync(join(repository, 'docs/install.md'), 'utf8');

/** The text below a heading. */
export function section(heading) {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `docs/install.md has no section ${heading}`);
  return found;
}

/** The shell blocks of a section. */
export function commands(heading) {
  return [...section(heading).matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block);
}

/** Every name of a file of a release in the document. */
export function names() {
  return [...new Set(text.match(/\bfaye(?:-[a-z]+)?[-_]\d[\w.-]*\.(?:tar\.gz|deb|tgz|crate)/g))].sort();
}

/** Copies the files of the release to /root/files of a root, in which apt-get asks nothing. */
export function bring(root) {
  writeFileSync(join(root, 'etc/apt/apt.conf.d/90answers'), 'APT::Get::Assume-Yes "true";\n');
  mkdirSync(join(root, 'root/files'), { recursive: true });
  for (const file of readdirSync(dist)) copyFileSync(join(dist, file), join(root, 'root/files', file));
}

/** Runs blocks one after the other in one shell. */
export function type(root, ...blocks) {
  return inside(root, 'bash', '-euo', 'pipefail', '-c', `cd /root/files\n${blocks.join('\n')}`);
}
