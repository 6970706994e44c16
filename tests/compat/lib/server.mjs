// Starts, stops and restarts the server under test: the release binary, or npm
// Faye's own server behind the same contract, which a test may ask for and which
// FAYE_TARGET=reference puts in the place of the binary everywhere.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const REPOSITORY_ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const REFERENCE_SERVER = fileURLToPath(new URL('./reference-server.mjs', import.meta.url));
const START_BOUND_MILLISECONDS = 30_000;
const STOP_BOUND_MILLISECONDS = 30_000;
const KEPT_ERROR_OUTPUT_CHARACTERS = Number(process.env.FAYE_KEPT_OUTPUT ?? 4_000);

/**
 * Clients derive their reply timers from the server's timeout. It is long here
 * so that a slow machine does not make them send again; tests that must see a
 * held connect end say a shorter one.
 */
const DEFAULT_ENVIRONMENT = {
  FAYE_SERVER__TIMEOUT: '10s',
  FAYE_MAILBOX__MESSAGES: '10000',
};

export const OUR_SERVER = 'our server';
export const FAYES_SERVER = "Faye's server";
export const DEFAULT_SERVER = process.env.FAYE_TARGET === 'reference' ? FAYES_SERVER : OUR_SERVER;

function serverCommand(kind) {
  if (process.env.FAYE_TARGET && process.env.FAYE_TARGET !== 'reference') {
    throw new Error(`FAYE_TARGET may only be "reference", not "${process.env.FAYE_TARGET}"`);
  }
  return kind === FAYES_SERVER ? [process.execPath, REFERENCE_SERVER] : [ourBinary()];
}

/** The path of the binary under test. */
export function ourBinary() {
  const binary = process.env.FAYE_BIN ?? `${REPOSITORY_ROOT}target/release/faye`;
  if (!existsSync(binary)) {
    throw new Error(`there is no server at ${binary}: run cargo build --release first, or set FAYE_BIN`);
  }
  return binary;
}

/** Fails with `explain()` when `promise` is not settled within the bound. */
async function within(milliseconds, promise, explain) {
  let timer;
  const expired = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(explain())), milliseconds);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

export class Server {
  #kind;
  #environment;
  #folder = null;
  #child = null;
  #exited = null;
  #errorOutput = '';

  /** The mount's URL; the same before and after a restart. */
  url = null;

  /** @param settings  the text of a file of settings */
  constructor(environment, kind, settings) {
    this.#kind = kind;
    if (settings) {
      this.#folder = mkdtempSync(join(tmpdir(), 'faye-settings-'));
      writeFileSync(join(this.#folder, 'faye.toml'), settings);
    }
    this.#environment = { ...process.env, ...DEFAULT_ENVIRONMENT, ...environment };
  }

  get origin() {
    return new URL(this.url).origin;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** The end of what the server wrote to standard error. */
  get errorOutput() {
    return this.#errorOutput;
  }

  async start() {
    if (this.#child) throw new Error('the server runs already');
    const [program, ...programArguments] = serverCommand(this.#kind);
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0';
    if (this.#folder) programArguments.push('--config', join(this.#folder, 'faye.toml'));
    const child = spawn(program, [...programArguments, '--listen', listen], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-KEPT_ERROR_OUTPUT_CHARACTERS);
    });
    this.url = await within(START_BOUND_MILLISECONDS, this.#announcedUrl(child), () =>
      `the server did not say where it listens; it wrote:\n${this.#errorOutput}`);
  }

  async #announcedUrl(child) {
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const announced = /listening on (https?:\/\/\S+)/.exec(line);
      if (!announced) continue;
      child.stdout.resume();
      return announced[1];
    }
    const { code, signal } = await this.#exited;
    throw new Error(`the server ended (code ${code}, signal ${signal}) before it listened; it wrote:\n${this.#errorOutput}`);
  }

  /** Asks the server to drain and demands that it does: exit code 0, in time. */
  async stop() {
    const { code, signal } = await this.#end('SIGTERM');
    if (code !== 0) {
      throw new Error(`after SIGTERM the server ended with code ${code}, signal ${signal}; it wrote:\n${this.#errorOutput}`);
    }
  }

  /** Ends the server as a crash would: nothing is answered, nothing is closed. */
  async crash() {
    await this.#end('SIGKILL');
  }

  /** Stops the process where it is (SIGSTOP), or has it go on (SIGCONT). */
  signal(name) {
    if (!this.#child) throw new Error('the server does not run');
    this.#child.kill(name);
  }

  /** For cleaning up: ends the server however far it got. */
  async discard() {
    if (this.#child) await this.#end('SIGKILL');
    if (this.#folder) rmSync(this.#folder, { recursive: true });
    this.#folder = null;
  }

  async #end(signal) {
    const child = this.#child;
    if (!child) throw new Error('the server does not run');
    child.kill(signal);
    try {
      return await within(STOP_BOUND_MILLISECONDS, this.#exited, () =>
        `the server did not end after ${signal}; it wrote:\n${this.#errorOutput}`);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      this.#child = null;
    }
  }
}

export async function startServer(environment = {}, kind = DEFAULT_SERVER, settings = undefined) {
  const server = new Server(environment, kind, settings);
  await server.start();
  return server;
}
