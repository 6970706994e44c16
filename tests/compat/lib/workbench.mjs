// Runs one test: opens servers and clients for it, bounds its time, shows what
// was seen when it fails, and ends everything it opened.

import { test } from 'node:test';

import { startServer } from './server.mjs';

const WATCHDOG_MILLISECONDS = 60_000;

export class Workbench {
  #openClient;
  #servers = [];
  #clients = [];

  constructor(openClient) {
    this.#openClient = openClient;
  }

  async startServer(environment) {
    const server = await startServer(environment);
    this.#servers.push(server);
    return server;
  }

  async openClient(server) {
    const client = await this.#openClient(server);
    this.#clients.push(client);
    return client;
  }

  describe() {
    return [
      ...this.#clients.map((client) => `--- ${client.name} saw:\n${client.log.describe()}`),
      ...this.#servers.map((server) => `--- the server wrote:\n${server.errorOutput}`),
    ].join('\n');
  }

  async discard() {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#servers.map((server) => server.discard()));
  }
}

/**
 * Registers `body(workbench)` as a test. `openClient(server)` opens a client of
 * the kind under test.
 */
export function registerTest(title, openClient, body) {
  test(title, async () => {
    const workbench = new Workbench(openClient);
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
