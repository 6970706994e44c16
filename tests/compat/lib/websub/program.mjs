// A program of another language that a test runs: its output is recorded, and the test waits for lines in it.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PATIENCE_MILLISECONDS = 60_000;
const KEPT_CHARACTERS = 8_000;

/** Makes a folder with these files (name to text) that is removed after the test. */
export function folderWith(context, files) {
  const folder = mkdtempSync(join(tmpdir(), 'faye-websub-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const missing = (program) => new Error(`${program} is missing: run scripts/test-tools`);

/** Runs a program to its end; gives its output, and fails unless its status is 0. */
export function run(program, programArguments, options = {}) {
  return new Promise((resolve, reject) => {
    const defaults = { timeout: PATIENCE_MILLISECONDS, env: { ...process.env, NO_PROXY: '*' } };
    execFile(program, programArguments, { ...defaults, ...options }, (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(missing(program));
      else if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}

export class Program {
  #child;
  #waiters = new Set();
  output = '';

  /** Starts a program that ends with the test. */
  static start(context, program, programArguments, options) {
    const started = new Program();
    const child = spawn(program, programArguments, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    started.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        started.output = (started.output + text).slice(-KEPT_CHARACTERS);
        for (const waiter of [...started.#waiters]) waiter();
      });
    }
    const ended = new Promise((resolve) => {
      child.on('exit', resolve);
      child.on('error', (error) => {
        started.output += error.code === 'ENOENT' ? missing(program).message : error.message;
        resolve();
      });
    });
    ended.then(() => {
      started.hasEnded = true;
      for (const waiter of [...started.#waiters]) waiter();
    });
    context.after(async () => {
      // The whole process group: programs start others.
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch (error) {
          if (error.code !== 'ESRCH') throw error;
        }
      }
      await ended;
    });
    return started;
  }

  /** Waits until the output contains the text so many times. */
  prints(text, times = 1) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(examine);
        settle(value);
      };
      const examine = () => {
        if (this.output.split(text).length > times) finish(resolve);
        else if (this.hasEnded) finish(reject, new Error(`the program ended before it printed "${text}":\n${this.output}`));
      };
      const timer = setTimeout(() => finish(reject, new Error(`"${text}" was not printed ${times} times:\n${this.output}`)),
        PATIENCE_MILLISECONDS);
      this.#waiters.add(examine);
      examine();
    });
  }

  /** Waits until the program accepts connections at a URL. */
  async answers(url) {
    while (!this.hasEnded) {
      const response = await fetch(url).catch(() => null);
      if (response) return;
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new Error(`the program ended before it listened at ${url}:\n${this.output}`);
  }
}
