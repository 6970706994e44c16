// Finds free ports for programs that must be told one, because they do not say which one the system chose.

import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that the system gives to outgoing connections, one of which could be taken meanwhile. */
const FIRST = 12_000;
const LAST = 31_999;

const given = new Set();

async function isFree(port) {
  const probe = createServer();
  probe.listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (error) {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return false;
    throw error;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}

export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (given.has(port) || !await isFree(port)) continue;
    given.add(port);
    return port;
  }
}
