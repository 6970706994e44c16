// Blocks for a terminal: `sh`, and `console` with the output of each command.

import { assertOutput } from '../lib/expected.mjs';

/** What a block runs in a terminal must exit with 0, or with another code if it `fails`. */
export function assertCode(code, output, { fails }) {
  if (fails ? code === 0 : code !== 0) {
    throw new Error(fails ? `exits with 0, but must fail\n${output}` : `exits with ${code}\n${output}`);
  }
}

/** What a command of ours prints when it has started, so that the next block finds it ready. */
function readinessOf(text) {
  const [, words] = /(?:^|\n)\s*(?:exec )?faye\b([^\n|>&]*)$/.exec(text.trimEnd()) ?? [];
  if (words === undefined) return [];
  if (/^\s*subscribe\b/.test(words)) return ['subscribed to'];
  return /^(\s+--\w+[= ]\S+)*\s*$/.test(words) ? ['listening on'] : [];
}

/** Runs a text in the terminal of the block, in the background if it says so; gives the output. */
export async function runText(sandbox, text, directive) {
  const { terminal, background, fails, env, expect } = directive;
  const script = directive.repository ? sandbox.inRepository(text, directive.repository === true ? '.' : directive.repository) : text;
  if (background) {
    const started = await sandbox.background(script, { terminal, variables: env });
    await started.contains(expect.length > 0 ? expect : readinessOf(text));
    return started.output;
  }
  const { output, code } = await sandbox.terminal(terminal).run(script, { variables: env, isolated: fails });
  assertCode(code, output, directive);
  return output;
}

export const sh = ({ sandbox, text, directive }) => runText(sandbox, text, directive);

/** Runs the commands of a console one after the other and compares what each prints. */
export async function console({ sandbox, text, directive }) {
  const commands = readCommands(text);
  let all = '';
  for (const [index, { command, output: expected }] of commands.entries()) {
    const isLast = index === commands.length - 1;
    const own = isLast ? directive : { ...directive, background: undefined, fails: undefined, expect: [] };
    if (own.background) {
      const started = await sandbox.background(command, { terminal: own.terminal, variables: own.env });
      await started.shows(expected);
      await started.contains(own.expect);
      all += started.output;
      continue;
    }
    const output = await runText(sandbox, command, own);
    try {
      assertOutput(output, expected);
    } catch (error) {
      throw new Error(`$ ${command}\n${error.message}`);
    }
    all += output;
  }
  return all;
}

/** Whether a console block has no command, so that it is only an output. */
export const isOutputOnly = (text) => !/^\$ /m.test(text);

function readCommands(text) {
  const commands = [];
  for (const line of text.split('\n')) {
    const last = commands.at(-1);
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), output: '' });
    else if (!last) throw new Error(`a console block begins with "$ " and a command, not with: ${line}`);
    else if (last.output === '' && last.command.endsWith('\\')) last.command += `\n${line.replace(/^> /, '')}`;
    else last.output += `${line}\n`;
  }
  return commands;
}
