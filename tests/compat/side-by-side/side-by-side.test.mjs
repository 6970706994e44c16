// The same requests go to npm Faye 1.4.3 and to our binary; the replies must be equal, but for differences.mjs.
//
// FAYE_BIN       our binary (default: target/release/faye)
// FAYE_TARGET    "reference" compares npm Faye with itself
// FAYE_CASES     a regular expression: only the cases whose group and name match it
// FAYE_SHOW      if set, every transcript of npm Faye is printed, and what is expected of our server

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { differences } from './differences.mjs';
import { runCase, summary, usedDifferences } from './harness/run-case.mjs';
import { longTimeoutSeconds, requireTarget, startPair } from './harness/servers.mjs';

requireTarget();
const only = new RegExp(process.env.FAYE_CASES ?? '');
const directory = new URL('./cases/', import.meta.url);
const groups = await Promise.all(readdirSync(directory).filter((file) => file.endsWith('.mjs')).sort()
  .map(async (file) => ({ name: file.slice(0, -4), ...await import(new URL(file, directory)) })));

for (const { name: groupName, cases } of groups) {
  const names = cases.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  assert.deepEqual(twice, [], `${groupName} has several cases of one name`);
}

// Every group has two servers of its own, so that a subscriber of `/**` hears nothing of other groups.
// Within a group cases run one by one, unless the group says that they do not hear each other.
describe('side by side', { concurrency: 4 }, () => {
  for (const { name: groupName, cases, concurrency = 1, timeoutSeconds = longTimeoutSeconds } of groups) {
    const chosen = cases.filter(({ name }) => only.test(`${groupName}: ${name}`));
    if (chosen.length === 0) continue;
    describe(groupName, { concurrency }, () => {
      let pair;
      before(async () => { pair = await startPair(timeoutSeconds); });
      after(() => pair?.stop());
      for (const one of chosen) test(one.name, () => runCase(pair, one));
    });
  }
});

after(() => {
  for (const line of summary()) console.log(`side by side: ${line}`);
  if (process.env.FAYE_CASES) return;
  const unused = Object.keys(differences).filter((id) => !usedDifferences().has(id));
  assert.deepEqual(unused, [], 'differences that no case shows');
});
