// The languages of blocks and what happens to each. A language that is not here is an error of the document.

import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { json, yaml } from './data.mjs';
import { component, html } from './page.mjs';
import { checkProgram, program } from './programs.mjs';
import { caddy, haproxy, nginx } from './proxies.mjs';
import { console, sh } from './shell.mjs';
import { toml } from './toml.mjs';

const LIBRARY = fileURLToPath(new URL('../../../src/lib.rs', import.meta.url));

/** `cargo test --doc` compiles and runs these: the library includes the document. */
function rust({ document, repository, info, text }) {
  if (/\b(ignore|compile_fail)\b/.test(info)) throw new Error(`a rust block has to compile: no "${info}"`);
  if (/\bctrl_c\b/.test(text) && !/\bno_run\b/.test(info)) throw new Error('it would run until a signal; write ```rust,no_run');
  const path = relative(repository, document);
  if (!readFileSync(LIBRARY, 'utf8').includes(`include_str!("../${path}")`)) {
    throw new Error(`"cargo test --doc" does not see ${path}: name it in the module "documents" of src/lib.rs`);
  }
}

const shownOnly = () => '';

/** What runs a block of a language; gives its output. */
export const KINDS = {
  sh, console, toml, html, rust, json, yaml, nginx, caddy, haproxy,
  js: program('js'), python: program('python'), ruby: program('ruby'), php: program('php'),
  jsx: component('jsx'), tsx: component('tsx'),
  http: shownOnly, text: shownOnly, mermaid: shownOnly, diff: shownOnly, ini: shownOnly,
};

/** What checks a block that is only written to a file. `toml` is in KINDS. */
export const FILE_CHECKS = {
  js: checkProgram('js'), python: checkProgram('python'), ruby: checkProgram('ruby'), php: checkProgram('php'), json, yaml,
};
