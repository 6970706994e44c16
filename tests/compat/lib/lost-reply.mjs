// Clients with acknowledged delivery, behind a proxy that loses what the server has written.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { publishByPost } from './publish.mjs';

/** Carries connections to a server. Asked to, it drops the first bytes from the server with a text, and their connection. */
class LossyProxy {
  #listener;
  #loses = null;

  async start(targetPort) {
    this.#listener = createServer((near) => {
      const far = connect(targetPort, '127.0.0.1');
      const end = () => [near, far].forEach((side) => side.destroy());
      for (const side of [near, far]) side.on('error', end).on('close', end);
      near.on('data', (bytes) => far.write(bytes));
      far.on('data', (bytes) => {
        if (!this.#loses || !bytes.includes(this.#loses.text)) return near.write(bytes);
        const { resolve } = this.#loses;
        this.#loses = null;
        end();
        resolve();
      });
    });
    this.#listener.listen(0, '127.0.0.1');
    await once(this.#listener, 'listening');
    return this.#listener.address().port;
  }

  /** Resolves when the text has been lost. */
  lose(text) {
    return new Promise((resolve) => { this.#loses = { text, resolve }; });
  }

  close() {
    this.#listener.close();
  }
}

/** `workbench.openClient` opens a client that asks for acknowledged delivery. */
export async function lostRepliesComeAgain(workbench) {
  const server = await workbench.startServer();
  const proxy = new LossyProxy();
  const { port, pathname } = new URL(server.url);
  const near = await proxy.start(Number(port));
  workbench.atEnd(() => proxy.close());
  const client = await workbench.openClient({ url: `http://127.0.0.1:${near}${pathname}` });
  await client.connectSubscribed('/lossy');
  const expected = [];
  for (const round of [1, 2, 3]) {
    const text = `lost ${round}`;
    const isLost = proxy.lose(text);
    await publishByPost(server.url, '/lossy', text);
    await isLost;
    expected.push(text, `kept ${round}`);
    await publishByPost(server.url, '/lossy', `kept ${round}`);
    await client.delivery('/lossy', `kept ${round}`);
    assert.deepEqual(client.delivered('/lossy'), expected);
  }
  await client.disconnect();
  await server.stop();
}
