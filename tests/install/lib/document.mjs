/** The commands of docs/install.md. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './dist.mjs';

export const text = readFileSync(join(repository, 'docs/install.md'), 'utf8');

/** The text below a heading. */
export function section(heading) {
  const found = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(found, `docs/install.md has no section ${heading}`);
  return found;
}

/** The shell blocks of a section. */
export function commands(heading) {
  return [...section(heading).matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block]) => block);
}

/** Every name of a file of a release in the document. */
export function names() {
  return [...new Set(text.match(/\bfaye(?:-[a-z]+)?[-_]\d[\w.-]*\.(?:tar\.gz|deb|tgz|crate)/g))].sort();
}
