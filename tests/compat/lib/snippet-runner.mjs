// Runs snippets of the page at `/` with their interpreters, and serves those for
// browsers at an origin of their own.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { listen } from './page-files.mjs';

const CLIENT = fileURLToPath(new URL('../../../client-js/', import.meta.url));
const RUN_BOUND_MILLISECONDS = 60_000;
const run = promisify(execFile);

/** File name, program and Debian package of each language that runs in a shell. */
const INTERPRETERS = {
  curl: ['publish.sh', 'sh', 'curl'],
  ruby: ['publish.rb', 'ruby', 'ruby'],
  php: ['publish.php', 'php', 'php-cli'],
  python: ['publish.py', 'python3', 'python3'],
  node: ['publish.mjs', process.execPath, 'nodejs'],
};

export const BACK_ENDS = Object.keys(INTERPRETERS);

/** Runs a snippet as a program of its own; rejects unless it ends with status 0. */
export async function runSnippet(language, text, environment = {}) {
  const [file, program, aptPackage] = INTERPRETERS[language];
  const folder = mkdtempSync(join(tmpdir(), 'faye-snippet-'));
  try {
    writeFileSync(join(folder, file), text);
    return await run(program, [join(folder, file)], {
      timeout: RUN_BOUND_MILLISECONDS, env: { ...process.env, ...environment },
    });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Error(`${program} is missing: apt-get install ${aptPackage}, or run scripts/test-tools`);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Serves a page, and the token that its application would give the user. */
export async function servePage(html, { script = '', token = '' } = {}) {
  const files = new Map([
    ['/', ['text/html; charset=utf-8', html]],
    ['/bundle.js', ['text/javascript; charset=utf-8', script]],
    ['/token', ['text/plain', token]],
  ]);
  const server = createServer((request, response) => {
    const [kind, body] = files.get(request.url) ?? ['text/plain', ''];
    response.writeHead(files.has(request.url) ? 200 : 404, { 'Content-Type': kind, 'Connection': 'close' });
    response.end(body);
  });
  const origin = await listen(server);
  return { origin, close: () => server.close() };
}

/** Bundles a React snippet that exports `Messages` with a root that renders it. */
export async function bundleReact(text) {
  let esbuild;
  try {
    esbuild = createRequire(join(CLIENT, 'package.json'))('esbuild');
  } catch (error) {
    throw new Error(`esbuild is missing: run npm ci in client-js (${error.message})`, { cause: error });
  }
  const entry = `import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { Messages } from 'snippet';
createRoot(document.getElementById('root')).render(createElement(Messages));`;
  const snippet = {
    name: 'snippet',
    setup(build) {
      build.onResolve({ filter: /^snippet$/ }, () => ({ path: 'snippet', namespace: 'snippet' }));
      build.onLoad({ filter: /.*/, namespace: 'snippet' }, () => ({ contents: text, loader: 'jsx', resolveDir: CLIENT }));
    },
  };
  const { outputFiles } = await esbuild.build({
    stdin: { contents: entry, resolveDir: CLIENT },
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { 'faye-client/react': join(CLIENT, 'dist/react.js') },
    plugins: [snippet],
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}
