// Puts our npm package where an application would have it, in a `node_modules`
// of its own: with the package `ws` beside it, or without.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../../client-js/', import.meta.url));
/** CometD's client for Node brings it. */
const WS = dirname(createRequire(createRequire(import.meta.url).resolve('cometd-nodejs-client')).resolve('ws/package.json'));

/** What an application's own module says to get at the client. */
const IMPORTS = {
  'import': ['application.mjs', "export { default } from 'faye-client';"],
  'require': ['application.cjs', "module.exports = require('faye-client');"],
};

/**
 * @param how  'import' or 'require'
 * @returns { module, remove }: the application's module, whose default export is `Faye`
 */
export function installClient({ how, withWs }) {
  const directory = mkdtempSync(join(tmpdir(), 'faye-client-'));
  const modules = join(directory, 'node_modules');
  const target = join(modules, 'faye-client');
  mkdirSync(target, { recursive: true });
  for (const part of ['package.json', 'dist']) cpSync(join(PACKAGE, part), join(target, part), { recursive: true });
  if (withWs) symlinkSync(WS, join(modules, 'ws'), 'dir');
  const [file, text] = IMPORTS[how];
  writeFileSync(join(directory, file), text);
  return {
    module: join(directory, file),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
