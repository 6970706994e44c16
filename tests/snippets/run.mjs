// Runs the code blocks of documents: `node run.mjs [FILE...]`, all documents without a file. A test a block; documents
// run two at a time. See README.md.

import { spawn } from 'node:child_process';
import { relative, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readBlocks } from './lib/blocks.mjs';
import { MOST_SKIPPED } from './lib/directive.mjs';
import { allDocuments, ourBinary, repositoryOf } from './lib/documents.mjs';
import { removePackages, packages } from './lib/packages.mjs';
import { Ports } from './lib/ports.mjs';
import { runBlock } from './lib/run-block.mjs';
import { endAll, Sandbox } from './lib/sandbox.mjs';
import { closeBrowser } from './kinds/page.mjs';

const DOCUMENTS_AT_A_TIME = 2;
/** Names of packages that make a document need them. */
const PACKAGES = /faye-client|\breact\b|\bws\b/;

const skipped = [];

/** The error with the place in the document; the stack of the runner tells its reader nothing. */
function locate(error, place) {
  const located = new Error(`${place}: ${error.message}`);
  located.stack = process.env.SNIPPETS_STACK ? error.stack : located.message;
  return located;
}

function registerDocument(document, binary) {
  const repository = repositoryOf(document);
  const inside = relative(repository, document);
  const name = inside.startsWith('..') ? document : inside;
  test(name, async (t) => {
    const blocks = readBlocks(document);
    if (blocks.length === 0) return;
    const ports = await Ports.of(blocks.map((block) => block.text));
    const needsPackages = blocks.some((block) => PACKAGES.test(block.text) || /^[jt]sx$/.test(block.language));
    const folder = needsPackages ? await packages(repository) : null;
    const sandbox = new Sandbox({ binary, ports, packages: folder });
    try {
      const needsRepository = blocks.some((block) => block.directive.repository || block.text.includes('faye-server/'));
      if (needsRepository) await sandbox.copyRepository(repository);
      await sandbox.startServer();
      const context = { sandbox, document, repository, packages: folder, last: null };
      for (const block of blocks) {
        await t.test(`${name}:${block.line} ${block.language || 'no language'}`, async () => {
          if (block.directive.skip) skipped.push(`${name}:${block.line}: ${block.directive.skip}`);
          try {
            await runBlock(block, context);
          } catch (error) {
            context.last = null;
            throw locate(error, `${name}:${block.line}`);
          }
        });
      }
      await t.test(`${name}: background commands`, () => {
        try {
          sandbox.assertBackgrounds();
        } catch (error) {
          throw locate(error, name);
        }
      });
    } finally {
      sandbox.end();
    }
  });
}

function registerAll(documents) {
  const binary = ourBinary();
  describe('snippets', { concurrency: DOCUMENTS_AT_A_TIME }, () => {
    for (const document of documents) registerDocument(document, binary);
  });
  test('few blocks are skipped', () => {
    if (skipped.length > MOST_SKIPPED) throw new Error(`${skipped.length} blocks are skipped, at most ${MOST_SKIPPED} may be`);
  });
  after(async () => {
    await closeBrowser();
    removePackages();
  });
  process.once('exit', () => {
    process.stderr.write(`blocks that are skipped: ${skipped.length}\n${skipped.map((line) => `  ${line}\n`).join('')}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      endAll();
      removePackages();
      process.exit(1);
    });
  }
}

/** Once more with the reporter for people, which node prefers only on a terminal. */
function runWithReporter() {
  try {
    ourBinary();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
  const runner = spawn(process.execPath,
    [`--test-reporter=${process.env.SNIPPETS_REPORTER ?? 'spec'}`, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, SNIPPETS_REPORTED: '1' } });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => runner.kill(signal));
  runner.once('exit', (code) => process.exit(code ?? 1));
}

if (process.env.SNIPPETS_REPORTED === undefined) {
  runWithReporter();
} else {
  const named = process.argv.slice(2).map((path) => resolve(path));
  registerAll(named.length > 0 ? named : allDocuments());
}
