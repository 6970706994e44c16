#!/usr/bin/env node
// Prints the licence notices of every crate that is linked into the binary, from the sources that Cargo has downloaded.
// Identical texts are printed once. A crate without a licence file gets the standard text of its licence; a crate for which
// no text is known is an error.
//
//   node packaging/notices.mjs > THIRD-PARTY-NOTICES.txt

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const NOTICE = /^(licen[cs]es?|copying|copyright|notice|unlicense)([-._].*)?$/i;
const SOURCE = /\.(rs|c|h|go|py|js|json|toml)$/i;

function run(program, ...args) {
  return execFileSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
}

/** The crates that the binary contains: normal dependencies with the default features, not build or test tools. */
function linked() {
  const host = /^host: (.*)$/m.exec(run('rustc', '-vV'))[1];
  const metadata = JSON.parse(run('cargo', 'metadata', '--format-version', '1', '--locked', '--filter-platform', host));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const found = new Set();
  const queue = [metadata.resolve.root];
  while (queue.length > 0) {
    const id = queue.pop();
    if (found.has(id)) continue;
    found.add(id);
    const normal = nodes.get(id).deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
    queue.push(...normal.map(({ pkg }) => pkg));
  }
  found.delete(metadata.resolve.root);
  const packages = metadata.packages.filter(({ id }) => found.has(id));
  return packages.sort((a, b) => (a.name === b.name ? (a.version < b.version ? -1 : 1) : a.name < b.name ? -1 : 1));
}

/** Licence files of a crate and of the C sources below it, such as AWS-LC, QuickJS and jemalloc. */
function files(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...files(path));
    else if (NOTICE.test(entry.name) && !SOURCE.test(entry.name)) found.push(path);
  }
  return found.sort();
}

const tidy = (text) => text.replace(/\r\n?/g, '\n').replace(/[ \t]+$/gm, '').trim();

/** The standard text, for a crate that is published without its licence file. */
function standard({ name, version, license, authors }) {
  const terms = license?.split(/\s+OR\s+|\s*\/\s*/) ?? [];
  if (terms.includes('Apache-2.0')) return tidy(readFileSync(join(root, 'LICENSE'), 'utf8'));
  if (terms.includes('MIT')) {
    const holder = authors.length > 0 ? authors.join(', ') : `the authors of ${name}`;
    return tidy(readFileSync(join(import.meta.dirname, 'MIT.txt'), 'utf8').replace('[authors]', holder));
  }
  throw new Error(`${name} ${version} (${license}) has no licence file: add the text of its licence to packaging/notices.mjs`);
}

const crates = linked();
const texts = new Map();
for (const crate of crates) {
  const folder = dirname(crate.manifest_path);
  const found = files(folder).map((path) => [tidy(readFileSync(path, 'utf8')), relative(folder, path)]);
  const own = found.some(([, name]) => !name.includes('/'));
  if (!own) found.push([standard(crate), 'standard text']);
  for (const [text, name] of found) {
    texts.set(text, [...(texts.get(text) ?? []), `${crate.name} ${crate.version} (${name})`]);
  }
}

const line = '='.repeat(100);
const parts = [
  'Third-party notices\n\nThe binary "faye" contains the following crates. Their licence texts follow the list. The notices of the Rust\n' +
    'standard library are in RUST-LIBRARY-NOTICES.html.',
  crates.map(({ name, version, license }) => `${name} ${version}: ${license}`).join('\n'),
  ...[...texts].map(([text, users]) => `${line}\n${users.join('\n')}\n${line}\n\n${text}`),
];
process.stdout.write(`${parts.join('\n\n')}\n`);
