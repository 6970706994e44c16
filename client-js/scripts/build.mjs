// Writes dist/ anew. It is committed: the server embeds the script, and users of the repository need no tools.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dist, outputs } from './outputs.mjs';

const files = await outputs();
await rm(dist, { recursive: true, force: true });
for (const [name, contents] of files) {
  const path = join(dist, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, contents);
}
console.log(`dist/ has ${files.size} files.`);
