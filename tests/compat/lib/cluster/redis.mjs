// A real Redis of a test's own: in a folder of its own, on a free port, without anything on disk.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificate } from '../certificate.mjs';
import { Daemon } from './daemon.mjs';
import { freePort } from '../ports.mjs';
import { RespClient } from './resp.mjs';
import { tool } from './tools.mjs';
import { until } from './waiting.mjs';

const SCANNED_AT_ONCE = '1000';

export class Redis {
  #options;
  #folder = mkdtempSync(join(tmpdir(), 'faye-redis-'));
  #daemon = null;
  #client = null;

  port = null;
  /** Where it is a file: whom clients have to trust (PEM). */
  certificate = null;

  /**
   * @param options  { user, password, requirePassword, socket, tls, database, more }: `user` with `password` is a user
   *                 of its own, `requirePassword` that of the default user, `socket` and `tls` say what it listens on
   *                 instead of plain TCP, `database` stands in the URL, `more` are arguments of redis-server
   */
  constructor(options = {}) {
    this.#options = options;
  }

  get #socketPath() {
    return join(this.#folder, 'redis.sock');
  }

  /** As a setting of the server has it. */
  get url() {
    const { user, password, requirePassword, socket, tls, database } = this.#options;
    if (socket) return `redis+unix://${this.#socketPath}`;
    const credentials = user ? `${user}:${encodeURIComponent(password)}@` : requirePassword ? `:${requirePassword}@` : '';
    return `${tls ? 'rediss' : 'redis'}://${credentials}127.0.0.1:${this.port}${database ? `/${database}` : ''}`;
  }

  #command() {
    const { user, password, requirePassword, socket, tls, more = [] } = this.#options;
    const words = [tool('redis-server'), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder,
      // A replica need not wait for others that could come.
      '--repl-diskless-sync-delay', '0'];
    words.push('--port', socket || tls ? '0' : String(this.port));
    if (socket) words.push('--unixsocket', this.#socketPath);
    if (tls) {
      const { key, certificate } = makeCertificate(this.#folder);
      this.certificate = certificate;
      words.push('--tls-port', String(this.port), '--tls-cert-file', certificate, '--tls-key-file', key,
        '--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no');
    }
    if (requirePassword) words.push('--requirepass', requirePassword);
    // The default user is off, so that a client that forgets its name is refused.
    if (user) words.push('--user', user, 'on', `>${password}`, '~*', '&*', '+@all', '--user', 'default', 'off');
    return [...words, ...more];
  }

  async start() {
    this.port ??= await freePort();
    this.#daemon ??= new Daemon('Redis', this.#command());
    await this.#daemon.start((isOver) => until('Redis answers', async () => isOver() || this.#isAnswering()));
  }

  async #isAnswering() {
    try {
      return await this.command('PING') === 'PONG';
    } catch {
      return false;
    }
  }

  /** Gives a command over a connection that stays open. */
  async command(...words) {
    if (!this.#client || this.#client.isClosed) this.#client = await this.#open();
    return this.#client.command(...words);
  }

  #open() {
    const { user, password, requirePassword, socket } = this.#options;
    return RespClient.open({
      ...(socket ? { path: this.#socketPath } : { port: this.port }),
      ...(this.certificate && { tls: { ca: readFileSync(this.certificate) } }),
      user,
      password: password ?? requirePassword,
    });
  }

  /** Every key with its remaining time to live in milliseconds; -1 means none. */
  async keys() {
    const found = new Map();
    let cursor = '0';
    do {
      const [next, names] = await this.command('SCAN', cursor, 'COUNT', SCANNED_AT_ONCE);
      for (const name of names) found.set(name, await this.command('PTTL', name));
      cursor = next;
    } while (cursor !== '0');
    // What ran out between the two questions.
    for (const [name, left] of found) if (left === -2) found.delete(name);
    return found;
  }

  /** It takes connections and bytes, and answers nothing. */
  stall() {
    this.#daemon.signal('SIGSTOP');
  }

  resume() {
    this.#daemon.signal('SIGCONT');
  }

  /** Ends it as a crash would. What it knew is gone. */
  async crash() {
    await this.#daemon.end('SIGKILL');
    this.#forgetClient();
  }

  async stop() {
    await this.#daemon.end('SIGTERM');
    this.#forgetClient();
  }

  #forgetClient() {
    this.#client?.close();
    this.#client = null;
  }

  describe() {
    return this.#daemon?.describe() ?? '--- Redis was not started';
  }

  async discard() {
    await this.#daemon?.discard();
    this.#forgetClient();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function startRedis(workbench, options) {
  const redis = new Redis(options);
  workbench.atEnd(() => redis.discard());
  workbench.alsoShow(() => redis.describe());
  await redis.start();
  return redis;
}
