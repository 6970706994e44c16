// Runs one block as its directive says. Knows the order of things, and leaves each language to its kind.

import { FILE_CHECKS, KINDS } from '../kinds/index.mjs';
import { isOutputOnly } from '../kinds/shell.mjs';
import { assertContains, assertOutput } from './expected.mjs';

/** Languages of a block that may be the output of another. */
const OUTPUTS = ['text', 'json', 'console', 'http'];

/** @param context  { sandbox, document, repository, packages, last }: `last` is the output of the block before */
export async function runBlock(block, context) {
  const { sandbox } = context;
  const { ports } = sandbox;
  if (block.problem) throw new Error(block.problem);
  const { language } = block;
  if (!(language in KINDS)) throw new Error(`the language ${language} is unknown; known: ${Object.keys(KINDS).sort().join(', ')}`);
  const { directive: written } = block;
  if (written.skip) return;
  const text = ports.replace(block.text);
  const directive = { ...written, expect: written.expect.map((value) => ports.replace(value)), env: written.env.map((value) => ports.replace(value)) };
  for (const terminal of directive.stop) await sandbox.stop(terminal);
  if (directive.output) {
    await compareOutput(block, text, directive, context);
    return;
  }
  const call = { ...context, text, directive, line: block.line, info: block.info };
  if (directive.file && language !== 'toml') {
    sandbox.write(directive.file, text);
    await FILE_CHECKS[language]?.(call);
    return;
  }
  if (language === 'console' && isOutputOnly(text)) throw new Error('a console block without a command; write "$ " before commands, or output');
  const output = await KINDS[language](call);
  if (!directive.background) assertContains(output ?? '', directive.expect);
  if (!SHOWN.includes(language)) context.last = output ?? '';
}

/** Their text is nothing that ran: an output after them is that of the block before them. */
const SHOWN = ['text', 'http', 'mermaid', 'diff', 'ini', 'json', 'yaml', 'rust'];

async function compareOutput(block, text, { output, loose }, { sandbox, last }) {
  if (!OUTPUTS.includes(block.language)) throw new Error(`output is for ${OUTPUTS.join(', ')}, not for ${block.language}`);
  const options = { json: block.language === 'json' };
  if (block.language === 'json' && !loose) JSON.parse(text);
  if (output !== true) {
    await sandbox.latest(output).shows(text, options);
  } else {
    if (last === null) throw new Error('output: no block ran before this one');
    assertOutput(last, text, options);
  }
}
