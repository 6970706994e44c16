// The surroundings of one document: an empty folder, a clean environment, `faye` in the PATH, a server, terminals. It
// ends everything that was started in it. Knows no kind of block.

import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

import { quote, Terminal } from './terminal.mjs';

const WRAPPER = new URL('./faye.sh', import.meta.url);
const DEFAULT_TERMINAL = '';
const START_MILLISECONDS = 60_000;
const REPOSITORY = 'faye-server';
const NOT_COPIED = ['.git', 'target', 'node_modules'];
const MARK = 'SNIPPETS_OF';

const open = new Set();

/** Ends all sandboxes, for a runner that is interrupted. */
export function endAll() {
  for (const sandbox of open) sandbox.end();
}

export class Sandbox {
  #root; #mark; #environment;
  #terminals = new Map();
  #backgrounds = [];

  /** @param packages  the folder whose packages programs may import, or null */
  constructor({ binary, ports, packages }) {
    this.ports = ports;
    this.#mark = randomUUID();
    this.#root = mkdtempSync(join(tmpdir(), 'faye-snippets-'));
    for (const folder of ['bin', 'control', 'tmp', 'work']) mkdirSync(join(this.#root, folder));
    this.folder = join(this.#root, 'work');
    this.#installFaye(binary);
    if (packages) symlinkSync(packages, join(this.#root, 'node_modules'));
    writeFileSync(join(this.#root, 'control', '.curlrc'), 'silent\nshow-error\n');
    this.#environment = {
      PATH: [join(this.#root, 'bin'), process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter),
      HOME: this.folder,
      LANG: 'C.UTF-8',
      TMPDIR: join(this.#root, 'tmp'),
      CURL_HOME: join(this.#root, 'control'), // As on a terminal: no progress in the output.
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      npm_config_cache: join(this.#root, 'tmp', 'npm'),
      npm_config_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      [MARK]: this.#mark,
      ...(process.env.PYENV_ROOT && { PYENV_ROOT: process.env.PYENV_ROOT }),
    };
    open.add(this);
  }

  #installFaye(binary) {
    const wrapper = readFileSync(WRAPPER, 'utf8')
      .replaceAll('@BINARY@', binary)
      .replaceAll('@ADDRESS@', this.address)
      .replaceAll('@PID_FILE@', join(this.#root, 'control', 'server.pid'));
    const path = join(this.#root, 'bin', 'faye');
    writeFileSync(path, wrapper);
    chmodSync(path, 0o755);
  }

  /** Where the server of the document listens. */
  get address() {
    return `127.0.0.1:${this.ports.server}`;
  }

  get origin() {
    return `http://${this.address}`;
  }

  /** A path outside the folder of the document, for files of the runner. */
  scratch(name) {
    return join(this.#root, 'tmp', name);
  }

  /** Writes a file into the folder of the document. */
  write(name, text) {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.endsWith('\n') ? text : `${text}\n`);
    return path;
  }

  has(name) {
    return existsSync(join(this.folder, name));
  }

  /** The terminal of that name; the default one without a name. */
  terminal(name = DEFAULT_TERMINAL) {
    let terminal = this.#terminals.get(name);
    if (!terminal) {
      terminal = new Terminal(this.folder, join(this.#root, 'control'), this.#environment);
      this.#terminals.set(name, terminal);
    }
    return terminal;
  }

  /** Copies a checkout next to the folder of the document, without what is built in it. */
  async copyRepository(repository) {
    await cp(repository, join(this.#root, REPOSITORY), {
      recursive: true, filter: (source) => !NOT_COPIED.includes(basename(source)),
    });
  }

  /** The text as it runs in the copied checkout, or a folder of it, in place of the folder of the document. */
  inRepository(text, folder) {
    return `pushd ${quote(join(this.#root, REPOSITORY, folder))} >/dev/null\n${text}\npopd >/dev/null\n`;
  }

  /** Starts a background command in a terminal. */
  async background(text, { terminal = DEFAULT_TERMINAL, variables } = {}) {
    const started = await this.terminal(terminal).start(text, { variables });
    this.#backgrounds.push({ terminal, started });
    return started;
  }

  /** The latest background command of a terminal. */
  latest(terminal) {
    const found = this.#backgrounds.findLast((background) => background.terminal === terminal);
    if (!found) throw new Error(`no background command was started in a terminal="${terminal}"`);
    return found.started;
  }

  /** Interrupts the latest background command of a terminal. */
  async stop(terminal) {
    try {
      await this.latest(terminal).interrupt();
    } catch (error) {
      throw new Error(`stop="${terminal}": ${error.message}`);
    }
  }

  /** Starts the server with flags (or restarts it: see faye.sh) and waits until it listens. */
  async startServer(flags = '', { prepare = '', variables = [] } = {}) {
    const text = `${prepare}\nexec faye --listen ${this.address} ${flags}`;
    const server = await this.background(text, { terminal: DEFAULT_TERMINAL, variables });
    this.#backgrounds.pop(); // The runner's own: no block shows its output, and a failure to start is one of the block.
    await server.contains(['listening on'], START_MILLISECONDS);
    this.#backgrounds.push({ terminal: '(server)', started: server });
  }

  /** Throws if a background command has failed by itself; one that a signal ended has not. */
  assertBackgrounds() {
    for (const { terminal, started } of this.#backgrounds) {
      if (started.code !== null && started.code !== 0 && started.code < 128) {
        throw new Error(`a background command${terminal && ` of terminal="${terminal}"`} ended with status ${started.code}\n${started.output}`);
      }
    }
  }

  /** Ends all processes and removes the folder. */
  end() {
    open.delete(this);
    for (const { started } of this.#backgrounds) started.kill();
    for (const terminal of this.#terminals.values()) terminal.end();
    for (const pid of this.#marked()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  /** Processes that were started in this sandbox, also those that have left its terminals (daemons). */
  #marked() {
    const mark = `${MARK}=${this.#mark}`;
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark);
      } catch {
        return false; // It has ended, or belongs to another user.
      }
    }).map(Number);
  }
}
