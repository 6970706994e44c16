import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as browser from '../src/browser.js';
import * as node from '../src/node.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

test.each(Object.entries({ browser, node }))('the %s entry has the version of the package', (_, entry) => {
  expect(entry.VERSION).toBe(version);
  expect(entry.default.VERSION).toBe(version);
});
