// A program that a test starts and ends: its output is kept, and it does not outlive the tests.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const KEPT_OUTPUT_CHARACTERS = 4_000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Daemon {
  #name;
  #command;
  #options;
  #child = null;
  #exited = null;
  #output = '';

  /** @param options  of `spawn` */
  constructor(name, command, options = {}) {
    this.#name = name;
    this.#command = command;
    this.#options = options;
  }

  get isRunning() {
    return this.#child !== null;
  }

  describe() {
    return `--- ${this.#name} wrote:\n${this.#output}`;
  }

  /** @param answers  settles when the program does what it is started for */
  async start(answers) {
    if (this.#child) throw new Error(`${this.#name} runs already`);
    const [program, ...programArguments] = this.#command;
    const child = spawn(program, programArguments, { ...this.#options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT_CHARACTERS);
      });
    }
    let isUp = false;
    this.#exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child);
      if (this.#child === child) this.#child = null;
      return `code ${code}, signal ${signal}`;
    });
    const early = this.#exited.then((how) => {
      if (!isUp) throw new Error(`${this.#name} ended (${how}) instead of starting; ${this.describe()}`);
    });
    early.catch(() => {});
    await Promise.race([early, answers(() => isUp || this.#child !== child)]);
    isUp = true;
  }

  signal(name) {
    if (!this.#child) throw new Error(`${this.#name} does not run`);
    this.#child.kill(name);
  }

  async end(signal) {
    this.signal(signal);
    // What is stopped would take no other signal.
    if (signal !== 'SIGKILL') this.signal('SIGCONT');
    await this.#exited;
  }

  /** For cleaning up: ends the program however far it got. */
  async discard() {
    if (this.#child) await this.end('SIGKILL');
  }
}
