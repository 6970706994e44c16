// Packs the package, and looks at it as its users will: by publint and attw, and with small programs that use it. No
// network is needed: the programs get the packed files, and React and the types from this folder's node_modules.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runInThisContext } from 'node:vm';
import * as esbuild from 'esbuild';
import { root } from './outputs.mjs';

const modules = join(root, 'node_modules');
const tool = { tsc: 'typescript/bin/tsc', publint: 'publint/src/cli.js', attw: '@arethetypeswrong/cli/dist/index.js' };

async function run(what, command, args, cwd) {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd });
    console.log(`ok   ${what}`);
    return stdout;
  } catch (error) {
    throw new Error(`${what} failed:\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}
const node = (what, args, cwd) => run(what, process.execPath, args, cwd);
const npm = (what, args, cwd) => run(what, process.platform === 'win32' ? 'npm.cmd' : 'npm', args, cwd);

/** What a user has after `npm install faye-client react`, and the programs of test/consumers beside it. */
async function install(folder, tarball) {
  const place = join(folder, 'node_modules', 'faye-client');
  await mkdir(place, { recursive: true });
  await run('unpack', 'tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  for (const name of ['react', 'react-dom', '@types', 'csstype', 'undici-types', 'ws']) {
    await symlink(join(modules, name), join(folder, 'node_modules', name), 'dir');
  }
  await cp(join(root, 'test', 'consumers'), folder, { recursive: true });
}

async function compile(folder, name) {
  await node(`compile ${name}`, [join(modules, tool.tsc), '--project', join(folder, name)], folder);
}

/** A bundle for browsers must not need Node. */
async function bundle(folder) {
  const made = await esbuild.build({
    absWorkingDir: join(folder, 'bundler'),
    entryPoints: ['main.tsx'],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    jsx: 'automatic',
    external: ['react', 'react/jsx-runtime'],
    logLevel: 'error',
  });
  const inputs = Object.keys(made.metafile.inputs).filter((path) => path.includes('faye-client'));
  const files = inputs.map((path) => path.slice(path.indexOf('faye-client/') + 'faye-client/'.length)).sort();
  const wanted = ['dist/browser.js', 'dist/react.js'];
  if (files.join() !== wanted.join()) throw new Error(`a bundle for browsers takes ${files}, not ${wanted}`);
  console.log('ok   bundle for browsers');
}

/** The script and the page run one after the other in the same global scope, as two tags do. */
async function load(folder) {
  const script = await readFile(join(folder, 'node_modules/faye-client/dist/faye-browser-min.js'), 'utf8');
  const page = await readFile(join(folder, 'script-tag/out/page.js'), 'utf8');
  globalThis.location = new URL('http://localhost:8000/page');
  runInThisContext(script);
  runInThisContext(page);
  console.log('ok   run script-tag');
}

const folder = await mkdtemp(join(tmpdir(), 'faye-client-'));
try {
  const packed = JSON.parse(await npm('npm pack', ['pack', '--json', '--pack-destination', folder], root));
  const tarball = join(folder, packed[0].filename);

  await node('publint', [join(modules, tool.publint), 'run', tarball, '--strict'], root);
  // client.js is a script for a tag or a worker, not a module, so there is nothing to import from it.
  const scripts = ['--exclude-entrypoints', './client.js'];
  await node('attw', [join(modules, tool.attw), tarball, '--profile', 'strict', ...scripts], root);

  await install(folder, tarball);
  for (const name of ['esm', 'commonjs', 'bundler', 'script-tag']) await compile(folder, name);
  await node('members, imported and required', ['members.mjs'], folder);
  await node('run esm', ['esm/out/main.js'], folder);
  await node('run commonjs', ['commonjs/out/main.js'], folder);
  await node('run commonjs with the default import', ['commonjs/out/default.js'], folder);
  await node('render on a server', ['server.mjs'], folder);
  await bundle(folder);
  await load(folder);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true });
}
