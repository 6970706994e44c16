/** The tarball: what it holds, that it is the same each time, and that the server starts from it in a root without anything else. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { attempt, commitTime, dist, files, folder, name, repository, run, unpack, version } from './lib/dist.mjs';
import { address, check, start, stop } from './lib/server.mjs';

const MEGABYTES_25 = 25_000_000;

/** Links of documents may lead to these folders of the repository, which are not packed. */
const OF_THE_SOURCE = ['src/', 'tests/', 'scripts/'];

/** The relative targets of the links and images in a document, without fragments; code is no text with links. */
function linksIn(markdown) {
  const text = markdown.replace(/^ *```[^]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '');
  const targets = [/\]\(<?([^)\s>]+)/g, /^ *\[[^\]]+\]:\s*<?([^\s>]+)/gm, /\b(?:href|src)="([^"]+)"/g]
    .flatMap((form) => [...text.matchAll(form)].map(([, target]) => target));
  return targets.map((target) => target.replace(/[?#].*/, '')).filter((target) => target !== '' && !/^(?:[a-z][a-z+.-]*:|\/)/i.test(target));
}

/** The same binary with a section of many bytes. */
function padded(bytes) {
  const place = folder();
  writeFileSync(join(place, 'padding'), Buffer.alloc(bytes));
  run('objcopy', ['--add-section', `.padding=${join(place, 'padding')}`, '--set-section-flags', '.padding=alloc,readonly',
    join(unpack(files.tarball), name, 'faye'), join(place, 'faye')]);
  return join(place, 'faye');
}

const release = (env, ...parts) =>
  attempt('scripts/release', parts, { env: { ...process.env, ALLOW_DIRTY: '1', ...env } });

test('SHA256SUMS names every file of the release, and all sums are right', () => {
  const sums = readFileSync(join(dist, 'SHA256SUMS'), 'utf8').trim().split('\n').map((line) => line.slice(66));
  const wanted = Object.values(files).map((path) => basename(path)).sort();
  assert.deepEqual(sums.sort(), wanted);
  assert.deepEqual(readdirSync(dist).filter((file) => file !== 'SHA256SUMS').sort(), wanted);
  run('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: dist });
});

test('the tarball holds the binary, completions, manual pages, settings, the unit, licences, documents and examples', () => {
  const entries = run('tar', ['--list', '--gzip', '--file', files.tarball]).trim().split('\n');
  assert.ok(entries.every((entry) => entry.startsWith(`${name}/`)), 'everything is in one folder');
  const listed = entries.filter((entry) => !entry.endsWith('/')).map((entry) => entry.slice(name.length + 1));
  const tracked = run('git', ['ls-files', 'docs', 'deploy', 'examples']).trim().split('\n');
  for (const wanted of ['docs/install.md', 'docs/images/plug.gif', 'deploy/nginx.conf', 'examples/README.md']) assert.ok(tracked.includes(wanted), wanted);
  const pages = listed.filter((file) => /^man\/man1\/faye[-a-z]*\.1$/.test(file));
  assert.ok(pages.includes('man/man1/faye.1'), pages.join());
  const wanted = ['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'Dockerfile', 'LICENSE', 'README.md', 'RUST-LIBRARY-NOTICES.html',
    'SECURITY.md', 'THIRD-PARTY-NOTICES.txt', 'client-js/README.md', 'completions/_faye', 'completions/faye.bash', 'completions/faye.fish',
    'docker-compose.yml', 'faye', 'faye.toml', 'systemd/faye.service', ...tracked, ...pages];
  assert.deepEqual(listed.sort(), wanted.sort());
});

test('every relative link in a packed document leads to a packed file, or to source code or tests', () => {
  const place = join(unpack(files.tarball), name);
  const documents = readdirSync(place, { recursive: true }).filter((file) => file.endsWith('.md'));
  assert.ok(documents.length > 30, `${documents.length} documents`);
  let links = 0;
  const dead = [];
  for (const document of documents) {
    for (const target of linksIn(readFileSync(join(place, document), 'utf8'))) {
      links += 1;
      const path = normalize(join(dirname(document), decodeURI(target)));
      const isOfTheSource = OF_THE_SOURCE.some((prefix) => `${path}/`.startsWith(prefix));
      // A link to what is packed nowhere must at least be right in the repository.
      if (!existsSync(join(isOfTheSource ? repository : place, path))) dead.push(`${document}: ${target}`);
    }
  }
  assert.ok(links > 200, `${links} links`);
  assert.deepEqual(dead, []);
});

test('the packed settings have every default as a comment, and the server accepts them', () => {
  const place = join(unpack(files.tarball), name);
  const settings = readFileSync(join(place, 'faye.toml'), 'utf8');
  assert.match(settings, /^#listen = "127\.0\.0\.1:8000"$/m);
  assert.doesNotMatch(settings, /^[^#[\n]/m);
  const check = attempt(join(place, 'faye'), ['check', '--config', join(place, 'faye.toml')]);
  assert.equal(check.status, 0, check.stderr);
});

test('packed files belong to root and have the time of the commit', () => {
  const lines = run('tar', ['--list', '--verbose', '--numeric-owner', '--full-time', '--utc', '--gzip', '--file', files.tarball]).trim().split('\n');
  const time = new Date(commitTime * 1000).toISOString().slice(0, 19).replace('T', ' ');
  for (const line of lines) {
    assert.match(line, /^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x) 0\/0 /);
    assert.ok(line.includes(` ${time} `), `${line}: not ${time}`);
  }
});

test('the binary is stripped and below 25 MB', () => {
  const binary = join(unpack(files.tarball), name, 'faye');
  assert.ok(statSync(binary).size < MEGABYTES_25, `${statSync(binary).size} bytes`);
  const sections = run('readelf', ['--sections', '--wide', binary]);
  assert.doesNotMatch(sections, /\.symtab|\.debug_(info|line)/);
});

test('a binary of 25 MB is refused', () => {
  const out = folder();
  const { status, stderr } = release({ BINARY: padded(MEGABYTES_25), OUT: out }, 'tarball');
  assert.equal(status, 1);
  assert.match(stderr, /the stripped binary has \d+ bytes; the limit is 25000000/);
  assert.deepEqual(readdirSync(out), []);
});

test('the same binary gives the same tarball', () => {
  const out = folder();
  const binary = join(folder(), 'faye');
  copyFileSync(join(unpack(files.tarball), name, 'faye'), binary);
  const { status, stderr } = release({ BINARY: binary, OUT: out }, 'tarball');
  assert.equal(status, 0, stderr);
  assert.ok(readFileSync(join(out, basename(files.tarball))).equals(readFileSync(files.tarball)));
});

test('licence notices name every crate that is linked, and the text of each follows', () => {
  const place = join(unpack(files.tarball), name);
  const notices = readFileSync(join(place, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  const tree = run('cargo', ['tree', '--locked', '--offline', '--edges', 'normal', '--prefix', 'none', '--format', '{p}']);
  const crates = new Set(tree.split('\n').map((line) => /^(\S+) v(\S+)/.exec(line)).filter(Boolean).map(([, crate, at]) => `${crate} ${at}`));
  crates.delete(`faye-server ${version}`);
  assert.ok(crates.size > 100, `${crates.size} crates`);
  for (const crate of crates) {
    assert.ok(notices.includes(`\n${crate}: `), `${crate} is not in the list`);
    assert.ok(notices.includes(`\n${crate} (`), `${crate} has no text`);
  }
  // C sources inside the crates have licences of their own.
  for (const source of ['aws-lc/LICENSE', 'quickjs/LICENSE', 'jemalloc/COPYING']) assert.ok(notices.includes(`(${source})`), source);
  assert.match(readFileSync(join(place, 'RUST-LIBRARY-NOTICES.html'), 'utf8'), /Copyright notices for The Rust Standard Library/);
});

test('the binary needs the C library alone, of the version that docs/install.md names', () => {
  const binary = join(unpack(files.tarball), name, 'faye');
  const needed = [...run('readelf', ['--dynamic', binary]).matchAll(/NEEDED.*\[(.*)\]/g)].map(([, library]) => library).sort();
  // The loader is needed by thread-local variables that the linker could not resolve.
  const allowed = ['ld-linux-x86-64.so.2', 'libc.so.6', 'libgcc_s.so.1', 'libm.so.6'];
  assert.deepEqual(needed.filter((library) => !allowed.includes(library)), []);
  assert.ok(needed.includes('libc.so.6'), needed.join());
  const versions = [...run('objdump', ['-T', binary]).matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor));
  const limit = /glibc 2\.(\d+)/.exec(readFileSync(join(repository, 'docs/install.md'), 'utf8'))[1];
  assert.ok(Math.max(...versions) <= Number(limit), `it needs glibc 2.${Math.max(...versions)}`);
});

test('the server starts from the tarball in a root that has only the C library', async () => {
  const root = unpack(files.tarball);
  const libraries = run('ldd', [join(root, name, 'faye')]).match(/\/\S+/g);
  for (const library of libraries) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  const enter = ['chroot', '--userspec=65534:65534', root, `/${name}/faye`];
  const server = start([...enter, '--listen', '127.0.0.1:0'], { root });
  const url = await address(server);
  await check(url);
  const publish = attempt(enter[0], [...enter.slice(1), 'publish', '/hello', '"x"', '--url', `${url}/faye`]);
  assert.equal(publish.status, 0, publish.stderr);
  await stop(server);
});
