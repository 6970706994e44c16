// Opens Faye clients in Node, any version, held to one transport.

import { Worker } from 'node:worker_threads';

import { TestClient } from './test-client.mjs';

const RETRY_SECONDS = 0.1;

/**
 * Every version shakes hands by long-polling, which can therefore not be
 * disabled; it moves to the websocket, if that is enabled, as soon as it can.
 */
const DISABLED_FOR = {
  'websocket': [],
  'long-polling': ['websocket'],
};

export const NODE_TRANSPORTS = Object.keys(DISABLED_FOR);

export function openNodeClient(packageName, transport, endpoint) {
  const worker = new Worker(new URL('./node-worker.mjs', import.meta.url), {
    workerData: {
      packageName,
      settings: { endpoint, retry: RETRY_SECONDS, disabled: DISABLED_FOR[transport] },
    },
    // Old versions use deprecated API; the warnings are not this suite's matter.
    execArgv: ['--no-deprecation'],
  });
  const client = new TestClient(
    { name: `${packageName} over ${transport}`, transport },
    (operation, method, methodArguments) => worker.postMessage({ operation, method, methodArguments }),
    () => worker.terminate(),
  );
  worker.on('message', (entry) => client.log.add(entry));
  worker.on('error', (error) => client.log.fail(error));
  worker.on('exit', () => client.log.fail(new Error(`${client.name} has ended`)));
  return client;
}
