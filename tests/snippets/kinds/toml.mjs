// Settings: `toml` is given to `faye check --offline`, and with `server` becomes the file of the document's server.

import { parse } from 'smol-toml';

import { dummyVariables, withoutAbsolutePaths, writeDummyFiles } from '../lib/dummies.mjs';
import { quote } from '../lib/terminal.mjs';
import { assertCode } from './shell.mjs';

/** Files of other programs, which only have to parse. */
const OF_OTHERS = /(^|\/)(Cargo|pyproject)\.toml$/;

export async function toml({ sandbox, text: written, directive, line }) {
  const text = OF_OTHERS.test(directive.file ?? '') ? written : withoutAbsolutePaths(written);
  let settings = {};
  try {
    settings = parse(text);
  } catch (error) {
    if (!directive.fails) throw error; // `faye check` says it better, but a wrong dummy would hide it.
  }
  const name = directive.file ?? `line-${line}.toml`;
  sandbox.write(name, text);
  if (OF_OTHERS.test(name)) return '';
  writeDummyFiles(settings, sandbox);
  const prepare = dummyVariables(settings);
  const { output, code } = await sandbox.terminal(directive.terminal).run(
    `${prepare}\nfaye check --offline ${quote(name)}`, { variables: directive.env, isolated: true });
  assertCode(code, output, directive);
  if (directive.server) await sandbox.startServer(`--config ${quote(name)}`, { prepare, variables: directive.env });
  return output;
}
