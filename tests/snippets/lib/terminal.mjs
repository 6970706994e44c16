// A bash that runs the blocks of one terminal, so that its variables and folder persist between blocks. Commands get
// no standard input; what they print goes to a file each, so that a background command cannot hold the runner.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { assertContains, assertOutput, isOutput } from './expected.mjs';

/** How long a block, or an awaited text, may take. Only a hanging block reaches it. */
const PATIENCE_MILLISECONDS = Number(process.env.SNIPPET_TIMEOUT ?? 60) * 1000;
const POLL_MILLISECONDS = 20;

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

let scripts = 0;

/** Waits until `probe` gives something; fails with what `explain` says. */
export async function waitFor(probe, explain, patience = PATIENCE_MILLISECONDS) {
  const end = Date.now() + patience;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(explain());
    await pause(POLL_MILLISECONDS);
  }
}

/** Sends a signal to a group of processes, unless it has ended. */
function signalGroup(leader, signal) {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** A command that goes on until the end of the document. */
class Background {
  constructor(files, pid) {
    Object.assign(this, files, { pid, seen: 0 });
  }

  get output() {
    return readFileSync(this.out, 'utf8');
  }

  /** Its exit code, or null while it runs. */
  get code() {
    const text = existsSync(this.status) ? readFileSync(this.status, 'utf8').trim() : '';
    return text === '' ? null : Number(text);
  }

  /** Interrupts it as Ctrl-C does and waits for its end. */
  async interrupt() {
    signalGroup(this.pid, 'SIGINT');
    await waitFor(() => this.code !== null, () => `Ctrl-C does not end it\n${this.output}`);
  }

  kill() {
    signalGroup(this.pid, 'SIGKILL');
  }

  /** Waits until its output contains every text; what comes after their lines counts as new for `shows`. */
  async contains(texts, patience) {
    await this.#until((output) => assertContains(output, texts), patience);
    for (const text of texts) {
      const end = this.output.indexOf('\n', this.output.indexOf(text) + text.length);
      this.seen = Math.max(this.seen, end < 0 ? this.output.length : end + 1);
    }
  }

  /** Waits until its output is the expected one: all of it, or what is new since the last wait. */
  async shows(expected, options) {
    let length = 0;
    await this.#until((output) => {
      ({ length } = output);
      try {
        assertOutput(output, expected, options);
      } catch (error) {
        if (this.seen === 0 || !isOutput(output.slice(this.seen), expected, options)) throw error;
      }
    });
    this.seen = length;
  }

  async #until(assertion, patience) {
    let last;
    await waitFor(() => {
      const { code } = this; // Before the output: what an ended command printed is complete.
      try {
        assertion(this.output);
        return true;
      } catch (error) {
        last = error;
      }
      if (code !== null) throw new Error(`the background command ended with status ${code}; ${last.message}`);
      return false;
    }, () => last.message, patience);
  }
}

export class Terminal {
  #folder; #control; #environment;
  #shell = null;
  #reports = '';

  /** @param control  a folder for scripts and outputs, outside the folder of the document */
  constructor(folder, control, environment) {
    this.#folder = folder;
    this.#control = control;
    this.#environment = environment;
  }

  #start() {
    if (this.#shell) return;
    const shell = spawn('bash', ['--norc', '--noprofile'], {
      cwd: this.#folder, env: this.#environment, detached: true, stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    });
    this.#reports = '';
    shell.stdio[3].setEncoding('utf8').on('data', (text) => { this.#reports += text; });
    shell.stdin.on('error', () => {}); // A shell that ended shows as its exit.
    shell.once('exit', () => { if (this.#shell === shell) this.#shell = null; });
    shell.stdin.write('set -euo pipefail\n');
    this.#shell = shell;
  }

  #write(text, variables) {
    const name = join(this.#control, String(++scripts));
    const exports = variables.map((variable) => {
      const [key, ...value] = variable.split('=');
      return `export ${key}=${quote(value.join('='))}\n`;
    }).join('');
    const files = { number: scripts, script: `${name}.sh`, out: `${name}.out`, status: `${name}.status` };
    writeFileSync(files.script, text.endsWith('\n') ? text : `${text}\n`);
    writeFileSync(files.out, '');
    return { files, exports };
  }

  /**
   * Runs a text to its end: { output, code }. `isolated` runs it in a subshell, so that neither its failure nor its
   * variables reach the next block.
   */
  async run(text, { variables = [], isolated = false } = {}) {
    this.#start();
    const shell = this.#shell;
    const { files, exports } = this.#write(text, variables);
    const redirect = `</dev/null >${quote(files.out)} 2>&1 3>&-`;
    const report = `printf '%s %s\\n' ${files.number} "$code" >&3\n`;
    const call = isolated || variables.length > 0
      ? `set +e; (${exports}set -e; source ${quote(files.script)}) ${redirect}; code=$?; set -e; ${report}`
      : `source ${quote(files.script)} ${redirect}\ncode=0; ${report}`;
    let exit = null;
    const onExit = (code, signal) => { exit = code ?? signal; };
    shell.once('exit', onExit);
    shell.stdin.write(call);
    const pattern = new RegExp(`^${files.number} (\\d+)$`, 'm');
    const reported = () => pattern.exec(this.#reports);
    const output = () => readFileSync(files.out, 'utf8');
    try {
      await waitFor(() => reported() || exit !== null, () => `not finished in ${PATIENCE_MILLISECONDS / 1000} seconds\n${output()}`);
    } catch (error) {
      this.end();
      throw error;
    } finally {
      shell.off('exit', onExit);
    }
    return { output: output(), code: reported() ? Number(reported()[1]) : exit };
  }

  /** Starts a text and goes on. */
  async start(text, { variables = [] } = {}) {
    this.#start();
    const { files, exports } = this.#write(text, variables);
    const inner = `(${exports}set -e; source ${quote(files.script)}) </dev/null >${quote(files.out)} 2>&1 3>&-`;
    // With job control, so that the command has a process group and takes SIGINT as in the foreground of a terminal.
    this.#shell.stdin.write(`set -m; ( set +em; trap : INT; ${inner}; echo $? >${quote(files.status)} ) 3>&- & set +m\n`
      + `printf '%s %s\\n' ${files.number} "$!" >&3\n`);
    const pattern = new RegExp(`^${files.number} (\\d+)$`, 'm');
    const match = await waitFor(() => pattern.exec(this.#reports), () => 'the terminal does not start the command');
    return new Background(files, Number(match[1]));
  }

  /** Ends the shell and what it started. */
  end() {
    const shell = this.#shell;
    this.#shell = null;
    if (shell) signalGroup(shell.pid, 'SIGKILL');
  }
}

/** A text as one word of bash. */
export const quote = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;
