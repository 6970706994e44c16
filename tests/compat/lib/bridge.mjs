// Runs `faye bridge` as a child process: between two servers, until it is stopped.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { ourBinary } from './server.mjs';

export class Bridge {
  #child;
  #exited;
  #errorOutput = '';

  constructor(child) {
    this.#child = child;
    this.#exited = once(child, 'exit');
    child.stderr.setEncoding('utf8').on('data', (text) => { this.#errorOutput += text; });
  }

  /** What it wrote to standard error. */
  get errorOutput() {
    return this.#errorOutput;
  }

  async begun() {
    for await (const line of createInterface({ input: this.#child.stdout })) {
      if (!line.startsWith('carrying ')) continue;
      this.#child.stdout.resume();
      return;
    }
    throw new Error(`the bridge did not begin; it wrote:\n${this.#errorOutput}`);
  }

  /** Resolves when it has written the text. */
  async says(text) {
    while (!this.#errorOutput.includes(text)) await once(this.#child.stderr, 'data');
  }

  /** Asks it to stop, and demands that it does so in good order. */
  async stop() {
    this.#child.kill('SIGTERM');
    const [code] = await this.#exited;
    if (code !== 0) throw new Error(`the bridge ended with code ${code}; it wrote:\n${this.#errorOutput}`);
  }

  discard() {
    this.#child.kill('SIGKILL');
  }
}

/** Starts a bridge between `theirs` and `ours`, and waits until it carries. */
export async function startBridge(workbench, theirs, ours, ...more) {
  const child = spawn(ourBinary(), ['bridge', theirs.url, ...more, '--url', ours.url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const bridge = new Bridge(child);
  workbench.atEnd(() => bridge.discard());
  await bridge.begun();
  return bridge;
}
