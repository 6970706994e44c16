/** What the packages for the Rust and npm registries hold and say about themselves. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { test } from 'node:test';
import { crate, files, repository, run, unpack, version } from './lib/dist.mjs';

const CRATE_BYTES = 2_000_000;
const CRATE_FILES = 750;
const NPM_FILES = 130;

const list = (archive, prefix) =>
  run('tar', ['--list', '--gzip', '--file', archive]).trim().split('\n').map((path) => {
    assert.ok(path.startsWith(prefix), path);
    return path.slice(prefix.length);
  }).filter((path) => path !== '' && !path.endsWith('/'));

/** Every file below a folder of the repository. */
function below(path) {
  return readdirSync(join(repository, path), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? below(join(path, entry.name)) : [join(path, entry.name)]);
}

test('the crate has sources, examples, embedded files and documents, and no tests', () => {
  const packed = list(files.crate, `faye-server-${version}/`);
  const allowed = /^(src\/.*|examples\/[a-z_]+\.rs|client-js\/dist\/faye-[a-z-]+\.js(\.map)?|build\.rs|faye\.toml|README\.md|CHANGELOG\.md|LICENSE|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json)$/;
  assert.deepEqual(packed.filter((path) => !allowed.test(path)), []);
  assert.ok(packed.length <= CRATE_FILES, `${packed.length} files`);
  assert.ok(statSync(files.crate).size <= CRATE_BYTES, `${statSync(files.crate).size} bytes`);
  for (const needed of ['LICENSE', 'README.md', 'faye.toml', 'build.rs', 'Cargo.lock', 'src/main.rs']) assert.ok(packed.includes(needed), needed);
});

test('the crate has every source and every file that a source embeds', () => {
  const packed = new Set(list(files.crate, `faye-server-${version}/`));
  const sources = below('src');
  assert.deepEqual(sources.filter((path) => !packed.has(path)), []);
  let embedded = 0;
  for (const path of [...sources.filter((name) => name.endsWith('.rs')), 'build.rs', ...[...packed].filter((name) => /^examples\//.test(name))]) {
    // Documents of `cargo test --doc` are embedded in no build.
    const text = readFileSync(join(repository, path), 'utf8').replace(/^\s*#\[doc = .*$/gm, '');
    for (const [, file] of text.matchAll(/\binclude(?:_str|_bytes)?!\(\s*"([^"]+)"\s*\)/g)) {
      embedded += 1;
      const wanted = normalize(join(path, '..', file));
      assert.ok(packed.has(wanted), `${path} embeds ${wanted}: add it to include in Cargo.toml`);
    }
  }
  assert.ok(embedded > 20, `only ${embedded} embedded files were found`);
});

test('cargo describes the crate for the registry', () => {
  assert.equal(crate.license, 'Apache-2.0');
  assert.equal(crate.readme, 'README.md');
  assert.ok(crate.description.length > 20 && crate.description.length <= 80, 'the Debian package has this as its synopsis');
  assert.ok(crate.keywords.length === 5 && crate.keywords.every((word) => /^[a-z][a-z0-9_-]{0,19}$/.test(word)));
  assert.ok(crate.categories.length > 0 && crate.categories.length <= 5);
  assert.ok(crate.rust_version);
});

test('the npm package has the built client, its types and documents, and no sources or tests', () => {
  const packed = list(files.npm, 'package/');
  const allowed = /^(LICENSE|README\.md|package\.json|react\/package\.json|dist\/[a-z-]+\.(js|cjs)(\.map)?|dist\/types\/.*\.d\.c?ts)$/;
  assert.deepEqual(packed.filter((path) => !allowed.test(path)), []);
  assert.ok(packed.length <= NPM_FILES, `${packed.length} files`);
  assert.deepEqual(packed.filter((path) => /\btests?\b|\.test\./.test(path)), []);
});

test('every entry point of the npm package is packed', () => {
  const place = join(unpack(files.npm), 'package');
  const manifest = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  const entries = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(entries));
  const named = [manifest.main, manifest.module, manifest.types, manifest.unpkg, manifest.jsdelivr, ...entries(manifest.exports)];
  for (const path of named) assert.ok(existsSync(join(place, path)), path);
  assert.equal(manifest.license, 'Apache-2.0');
  assert.ok(manifest.description && manifest.keywords.length > 0);
});
