// Programs: written to a file and run in the terminal of the block against the server. With `file` they are only
// checked for syntax, because another block runs them.

import { extname } from 'node:path';

import { transform } from 'esbuild';

import { quote } from '../lib/terminal.mjs';
import { assertCode, runText } from './shell.mjs';

const RUNNERS = {
  js: { extension: 'mjs', command: 'node' },
  python: { extension: 'py', command: 'python3', check: `python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])'` },
  ruby: { extension: 'rb', command: 'ruby', check: 'ruby -c' },
  php: { extension: 'php', command: 'php', check: 'php -l' },
};

/** A kind of block for a language of RUNNERS. */
export const program = (language) => async ({ sandbox, text, directive, line }) => {
  const { extension, command } = RUNNERS[language];
  const name = `line-${line}.${extension}`;
  sandbox.write(name, text);
  return runText(sandbox, `${command} ${quote(name)}`, directive);
};

/** Checks the syntax of a program that was written to a file. */
export const checkProgram = (language) => async ({ sandbox, text, directive }) => {
  if (language === 'js') {
    await transform(text, { loader: extname(directive.file) === '.ts' ? 'ts' : 'jsx', logLevel: 'silent' });
    return;
  }
  const { output, code } = await sandbox.terminal('(check)').run(`${RUNNERS[language].check} ${quote(directive.file)}`, { isolated: true });
  assertCode(code, output, {});
};
