// Holds dist/ against the sources: what is committed has to be what a build makes. And the script for pages stays
// small.

import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { dist, outputs } from './outputs.mjs';

const SCRIPT = 'faye-browser-min.js';
const MOST_BYTES = 13 * 1024;

async function committed() {
  const entries = await readdir(dist, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Set(files.map((path) => relative(dist, path).split(sep).join('/')));
}

const expected = await outputs();
const found = await committed();
const problems = [];

for (const [name, contents] of expected) {
  if (!found.has(name)) {
    problems.push(`dist/${name} is missing`);
  } else if (!contents.equals(await readFile(join(dist, name)))) {
    problems.push(`dist/${name} is not what the sources make`);
  }
}
for (const name of found) {
  if (!expected.has(name)) problems.push(`dist/${name} is not made by the build any more`);
}
if (problems.length > 0) problems.push('Run `npm run build` in client-js and commit dist/.');

const size = gzipSync(expected.get(SCRIPT), { level: 9 }).length;
if (size >= MOST_BYTES) problems.push(`${SCRIPT} is ${size} bytes by gzip -9; it has to stay below ${MOST_BYTES}.`);

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`dist/ is what the sources make. ${SCRIPT} is ${size} bytes by gzip -9, below ${MOST_BYTES}.`);
}
