// Runs one test: opens servers and clients for it, bounds its time, shows what
// was seen when it fails, and ends everything it opened.

import { test } from 'node:test';

import { DEFAULT_SERVER, FAYES_SERVER, startServer } from './server.mjs';

const WATCHDOG_MILLISECONDS = 1_000 * Number(process.env.FAYE_WATCHDOG ?? 180);

export class Workbench {
  #openClient;
  #servers = [];
  #clients = [];
  #closings = [];
  #shown = [];

  constructor(openClient, serverKind = DEFAULT_SERVER) {
    this.#openClient = openClient;
    this.serverKind = serverKind;
  }

  /** @param settings  the text of a file of settings, for our server only */
  async startServer(environment, settings, kind = this.serverKind) {
    const server = kind.start ? await kind.start(this, environment) : await startServer(environment, kind, settings);
    this.#servers.push(server);
    return server;
  }

  /** What `situation` is depends on the kind of client. */
  async openClient(server, situation) {
    const client = await this.#openClient(server, situation);
    client.settlesFirst = this.serverKind === FAYES_SERVER;
    this.#clients.push(client);
    return client;
  }

  /** Has `close` called when the test is over, before the servers end. */
  atEnd(close) {
    this.#closings.push(close);
  }

  /** Has what `describe` gives shown when the test fails. */
  alsoShow(describe) {
    this.#shown.push(describe);
  }

  describe() {
    return [
      ...this.#shown.map((describe) => describe()),
      ...this.#clients.map((client) => `--- ${client.name} saw:\n${client.log.describe()}`),
      ...this.#servers.map((server) => `--- the server wrote:\n${server.errorOutput}`),
    ].join('\n');
  }

  async discard() {
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const close of this.#closings.reverse()) await close();
    await Promise.all(this.#servers.map((server) => server.discard()));
  }
}

/**
 * Registers `body(workbench)` as a test. `openClient(server)` opens a client of
 * the kind under test; `serverKind` is the server that `startServer` starts, or
 * something with `start(workbench, environment)` that stands for one.
 */
export function registerTest(title, openClient, body, serverKind) {
  test(title, async () => {
    const workbench = new Workbench(openClient, serverKind);
    let watchdog;
    const expired = new Promise((_resolve, reject) => {
      watchdog = setTimeout(() => reject(new Error(`nothing more happened within ${WATCHDOG_MILLISECONDS} ms`)),
        WATCHDOG_MILLISECONDS);
    });
    try {
      await Promise.race([body(workbench), expired]);
    } catch (error) {
      throw new Error(`${error.message}\n${workbench.describe()}`, { cause: error });
    } finally {
      clearTimeout(watchdog);
      await workbench.discard();
    }
  });
}
