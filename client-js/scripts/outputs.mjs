// What belongs into dist/, as a map from file name to content. Nothing is written there, so that a build and the check
// of what was built share every line.
//
// The result depends on the sources and the locked tools only: no times, no paths of this machine.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { minify } from 'terser';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const dist = join(root, 'dist');

const { version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

// The script is for browsers since the end of 2021: private members that are translated for older ones would make it a
// fifth larger. Bundlers can translate, but often leave packages as they are, so the modules are for old browsers too.
const SCRIPTS = ['chrome94', 'edge94', 'firefox93', 'safari15'];
const MODULES = 'es2019';
const NODE = 'node18';

// `Faye.logger = console.log` has to reach the client. The exports of a bundle are read-only, so `logger` is added, as
// a door to the default export.
const LOGGER = `Object.defineProperty(module.exports, "logger", {
  enumerable: true,
  get: () => module.exports.default.logger,
  set: (logger) => { module.exports.default.logger = logger; }
});`;

const shared = {
  absWorkingDir: root,
  outdir: dist,
  bundle: true,
  write: false,
  sourcemap: 'linked',
  sourcesContent: true,
  charset: 'utf8',
  logLevel: 'warning',
};

// Names that only the parts of the client use among themselves: neither the API nor the protocol has them. In the script
// for pages they become short.
const INTERNAL = [
  'agree', 'answer', 'answered', 'awaitConnection', 'beacon', 'began', 'begin', 'candidates', 'carriedBy',
  'carrier', 'channels', 'closed', 'current', 'cuts', 'cycle', 'deliver', 'dispatcher', 'doubt', 'down', 'ended',
  'endpoint', 'endpointFor', 'exchange', 'farewell', 'flush', 'forget', 'forgive', 'giveUp', 'goesOn', 'hasHeard',
  'hasWorked', 'heed', 'isAlone', 'isBegun', 'isBlockable', 'isDisabled', 'isElsewhere', 'isEmpty', 'isEnding',
  'isForm', 'isLasting', 'isOpen', 'isOver', 'isOverdue', 'isProven', 'isRetired', 'isSocket', 'isTrial', 'isUp',
  'isUsable', 'isWanted', 'keep', 'kind', 'kinds', 'largest', 'leave', 'mayRetry', 'moved', 'needsClient',
  'older', 'opened', 'openedAt', 'outbox', 'ownsSession', 'pass', 'phase', 'pipeline', 'place', 'prepare',
  'received', 'refuse', 'refused', 'refuseLargest', 'relayed', 'release', 'renew', 'renewed', 'replyTime', 'report',
  'restart', 'retire', 'retries', 'runAll', 'schedule', 'select', 'selector', 'sendable', 'sessions', 'settings',
  'settle', 'shunned', 'shunnedAt', 'shunnedUntil', 'spoil', 'standing', 'starts', 'stranded', 'subscriber',
  'subscriptions', 'switched', 'takenAway', 'takeNext', 'tell', 'timer', 'transmit', 'waitNoLonger', 'watch',
  'whenConnected', 'isSettled', 'drop', 'wait', 'receive', 'reset', 'start', 'hide', 'save',
];

const script = {
  ...shared,
  format: 'iife',
  platform: 'browser',
  target: SCRIPTS,
  banner: { js: `/*! faye-client ${version} | ${license} */` },
};

const minified = { minify: true, mangleProps: new RegExp(`^(?:${INTERNAL.join('|')})$`) };

function modules(name, entry, options) {
  const made = { ...shared, ...options, entryPoints: { [name]: entry } };
  const footer = options.footer ? { footer: options.footer } : {};
  return [
    { ...made, format: 'esm', footer: undefined },
    { ...made, format: 'cjs', outExtension: { '.js': '.cjs' }, ...footer },
  ];
}

const bundles = [
  { ...script, entryPoints: { 'faye-browser': 'src/global.ts' } },
  { ...script, entryPoints: { 'faye-browser-min': 'src/global.ts' }, ...minified },
  { ...script, entryPoints: { 'faye-shared-worker': 'src/shared-worker.ts' }, ...minified },
  ...modules('browser', 'src/browser.ts', { platform: 'browser', target: MODULES, footer: { js: LOGGER } }),
  ...modules('node', 'src/node.ts', { platform: 'node', target: NODE, external: ['ws'], footer: { js: LOGGER } }),
  // The hooks take the client from the package, so that there is one of it, and the right one for the platform.
  ...modules('react', 'react/index.ts', { platform: 'neutral', target: MODULES, external: ['react', 'faye-client'] }),
];

/** The sources that users name, and what their declarations are called in dist/types. */
const TYPES = {
  'src/browser.ts': 'browser',
  'src/node.ts': 'node',
  'react/index.ts': 'react',
  'global/index.ts': 'global',
};
/** Of these the CommonJS form has a `logger`, see above. */
const WITH_LOGGER = ['browser', 'node'];

async function declarations() {
  const folder = await mkdtemp(join(tmpdir(), 'faye-client-'));
  try {
    await tsc(['--emitDeclarationOnly', '--declaration', '--noEmit', 'false', '--outDir', folder]);
    const all = new Map();
    for (const file of await readdir(folder, { recursive: true })) {
      const path = file.split(sep).join('/');
      if (path.endsWith('.d.ts')) all.set(place(path), beside(await readFile(join(folder, file), 'utf8')));
    }
    return reachable(all);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function tsc(options) {
  const command = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [command, '--project', join(root, 'tsconfig.build.json'), ...options]);
  } catch (error) {
    throw new Error(`The declarations could not be made:\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  }
}

/** `src/node.d.ts` becomes `node`, `react/index.d.ts` becomes `react`. */
function place(path) {
  const source = path.replace(/\.d\.ts$/, '.ts');
  return TYPES[source] ?? source.replace(/^src\//, '').replace(/\.ts$/, '');
}

/** In dist/types the declarations of src/ and of the folders beside it are in one folder. */
const beside = (text) => text.replaceAll("'../src/", "'./");

const IMPORTED = /(?:\bfrom|\bimport\(|\bimport)\s*(['"])(\.{1,2}\/[^'"]+)\.js\1/g;

/** The declarations that a user of the entries can see; what the others say concerns nobody outside. */
function reachable(all) {
  const seen = new Map();
  const visit = (name, from) => {
    if (seen.has(name)) return;
    const text = all.get(name);
    if (text === undefined) throw new Error(`The types of ${from} import ${name}, which has no declaration.`);
    seen.set(name, text);
    for (const [, , specifier] of text.matchAll(IMPORTED)) visit(posix.join(posix.dirname(name), specifier), name);
  };
  for (const name of Object.values(TYPES)) visit(name, 'the package');
  return seen;
}

/** For `require`: TypeScript believes in CommonJS only by the name of the file. */
function commonJs(name, text) {
  const renamed = text.replace(IMPORTED, (all) => all.replace(/\.js(['"])$/, '.cjs$1'));
  if (!WITH_LOGGER.includes(name)) return renamed;
  return `${renamed}export declare let logger: (typeof import('./${name}.cjs'))['default']['logger'];\n`;
}

/** A name that a source also says as a text would be shortened in one place and not in the other. */
async function checkInternal() {
  for (const file of await readdir(join(root, 'src'), { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    const code = (await readFile(join(root, 'src', file), 'utf8')).replace(/\/\*[^]*?\*\//g, '').replace(/^import .*$/gm, '');
    const said = INTERNAL.filter((name) => new RegExp(`(['"\`])${name}\\1`).test(code));
    if (said.length > 0) throw new Error(`src/${file} has ${said} as text: take it out of INTERNAL in scripts/outputs.mjs.`);
  }
}

/** Terser makes what esbuild has minified some percent smaller still; the map leads through both to the sources. */
async function shrunk(files) {
  const map = files.find(({ path }) => path.endsWith('.map'));
  const script = files.find((file) => file !== map);
  const url = map.path.split(sep).pop();
  const { code, map: content } = await minify(script.text.replace(/\/\/# sourceMappingURL=.*\n?$/, ''), {
    compress: { passes: 3, ecma: 2020, unsafe_arrows: true, module: true, hoist_funs: true, sequences: false, booleans: false, if_return: false },
    format: { comments: /^!/ },
    sourceMap: { content: map.text, url, includeSources: true },
  });
  return [{ path: script.path, contents: `${code}\n` }, { path: map.path, contents: content }];
}

async function build(bundle) {
  const { outputFiles } = await esbuild.build(bundle);
  return bundle.minify ? shrunk(outputFiles) : outputFiles;
}

export async function outputs() {
  const files = new Map();
  const add = (path, contents) => files.set(relative(dist, path).split(sep).join('/'), Buffer.from(contents));

  await checkInternal();
  const [types, ...results] = await Promise.all([declarations(), ...bundles.map(build)]);
  for (const { path, contents } of results.flat()) add(path, contents);
  for (const [name, text] of types) {
    add(join(dist, 'types', `${name}.d.ts`), text);
    add(join(dist, 'types', `${name}.d.cts`), commonJs(name, text));
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
