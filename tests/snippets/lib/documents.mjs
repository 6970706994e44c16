// Which documents there are. Knows nothing of their content.

import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

const readmesBelow = (folder) => (existsSync(folder)
  ? readdirSync(folder, { recursive: true }).filter((name) => /(^|\/)README\.md$/.test(name) && !name.includes('node_modules/'))
    .map((name) => join(folder, name))
  : []);

/** All documents of this repository that a reader may copy from. */
export function allDocuments() {
  return [
    'README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'client-js/README.md', 'deploy/README.md',
    'tests/compat/README.md', ...readdirSync(join(REPOSITORY, 'docs')).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`),
  ].map((name) => join(REPOSITORY, name)).filter((path) => existsSync(path)).concat(readmesBelow(join(REPOSITORY, 'examples')));
}

/** The checkout that a document is part of. */
export function repositoryOf(document) {
  for (let folder = dirname(document); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'Cargo.toml')) && existsSync(join(folder, 'client-js'))) return folder;
    if (dirname(folder) === folder) return REPOSITORY;
  }
}

/** The binary under test. */
export function ourBinary() {
  const binary = resolve(process.env.FAYE_BIN ?? join(REPOSITORY, 'target/release/faye'));
  if (!existsSync(binary)) throw new Error(`there is no server at ${binary}: run cargo build --release first, or set FAYE_BIN`);
  return binary;
}
