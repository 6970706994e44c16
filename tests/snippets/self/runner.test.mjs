// A check that cannot fail is a defect: for each kind of block there is a document whose block is wrong, and the runner
// has to find it. Needs a server binary, as the runner does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('../run.mjs', import.meta.url));
const REPORTER = fileURLToPath(new URL('./events.mjs', import.meta.url));
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

/** Runs documents: the exit code, every test that ended, and what is printed about skipped blocks. */
async function run(paths, environment = {}) {
  const runner = spawn(process.execPath, [RUNNER, ...paths], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, SNIPPETS_REPORTER: REPORTER, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) runner[name].setEncoding('utf8').on('data', (text) => { texts[name] += text; });
  const code = await new Promise((resolve, reject) => { runner.once('error', reject).once('close', resolve); });
  const lines = texts.stdout.split('\n').filter((line) => line.startsWith('{'));
  return { code, tests: lines.map((line) => JSON.parse(line)), stderr: texts.stderr };
}

/** Registers a test for each document of a folder: its one wrong block fails with the message that it names. */
function registerWrong(folder, environment) {
  const names = readdirSync(join(FIXTURES, folder)).sort();
  let result;
  let temporary;
  before(async () => {
    temporary = mkdtempSync(join(tmpdir(), 'snippets-self-'));
    result = await run(names.map((name) => join(FIXTURES, folder, name)), { ...environment, TMPDIR: temporary });
  });
  after(() => rmSync(temporary, { recursive: true, force: true }));

  for (const name of names) {
    test(name, () => {
      const [, message] = /^<!-- fails: (.*) -->/.exec(readFileSync(join(FIXTURES, folder, name), 'utf8'));
      const own = result.tests.filter((entry) => entry.name.includes(`/${folder}/${name}:`));
      const failures = own.filter((entry) => !entry.passed);
      assert.equal(failures.length, 1, `one block fails, not ${JSON.stringify(failures, null, 2)}\n${result.stderr}`);
      assert.ok(failures[0].message.includes(message), failures[0].message);
      assert.ok(failures[0].message.includes(`${name}:`), 'the failure names the document');
    });
  }

  test('the runner ends with an error', () => assert.notEqual(result.code, 0));
  test('no folder is left', () => assert.deepEqual(readdirSync(temporary), []));
}

describe('a wrong block fails', () => registerWrong('wrong', {}));
describe('what does not end fails', () => registerWrong('late', { SNIPPET_TIMEOUT: '2' }));

describe('right blocks pass', () => {
  let result;
  before(async () => { result = await run([join(FIXTURES, 'right.md')]); });

  test('every block', () => {
    assert.deepEqual(result.tests.filter((entry) => !entry.passed), [], result.stderr);
    assert.equal(result.code, 0);
    const blocks = readFileSync(join(FIXTURES, 'right.md'), 'utf8').match(/^```\w/gm).length;
    const ran = result.tests.filter((entry) => /right\.md:\d+ /.test(entry.name)).length;
    assert.equal(ran, blocks, 'every block was run');
  });
  test('skipped blocks are named', () => assert.match(result.stderr, /skipped: 1\n.*needs root/));
});

describe('too many skipped blocks', () => {
  test('fail the run', async () => {
    const { code, tests } = await run([join(FIXTURES, 'many-skipped.md')]);
    const [failure, ...others] = tests.filter((entry) => !entry.passed);
    assert.match(failure?.message ?? '', /blocks are skipped, at most/);
    assert.deepEqual(others, []);
    assert.notEqual(code, 0);
  });
});
