// Opens clients in Node, each in a worker thread and held to one transport:
// Faye's in any version, and CometD's.

import { Worker } from 'node:worker_threads';

import { RemoteClient } from './remote-client.mjs';

const RETRY_SECONDS = 0.1;

/**
 * Every version, and ours, shakes hands by long-polling, which can therefore not be
 * disabled; each moves to the websocket, if that is enabled, as soon as it can.
 */
const DISABLED_FOR = {
  'websocket': [],
  'long-polling': ['websocket'],
};

export const NODE_TRANSPORTS = Object.keys(DISABLED_FOR);

function openWorkerClient(workerFile, name, transport, workerData) {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData,
    // Old versions use deprecated API; the warnings are not this suite's matter.
    execArgv: ['--no-deprecation'],
  });
  const client = new RemoteClient(
    { name: `${name} over ${transport}`, transport },
    (operation, method, methodArguments) => worker.postMessage({ operation, method, methodArguments }),
    () => worker.terminate(),
  );
  worker.on('message', (entry) => client.log.add(entry));
  worker.on('error', (error) => client.log.fail(error));
  worker.on('exit', () => client.log.fail(new Error(`${client.name} has ended`)));
  return client;
}

/**
 * @param module   a package, or a file whose default export is `Faye`
 * @param options  more of the client's options
 * @param ext      added to the `ext` of its messages; with `extOn` to those on these channels only
 */
export function openNodeClient(name, module, transport, endpoint, { options = {}, ext, extOn, ...more } = {}) {
  return openWorkerClient('./node-worker.mjs', name, transport, {
    module,
    settings: { endpoint, disabled: DISABLED_FOR[transport], options: { retry: RETRY_SECONDS, ...options }, ext, extOn },
    ...more,
  });
}

/** The packages of CometD's client, by their versions. */
export const COMETD_VERSIONS = { 'cometd 9': 'cometd', 'cometd 7': 'cometd-7' };

/** @param withAck  registers the acknowledgement extension */
export function openCometdClient(transport, endpoint, { name = 'cometd 9', withAck = false } = {}) {
  const module = COMETD_VERSIONS[name];
  return openWorkerClient('./cometd-worker.mjs', name, transport, { endpoint, transport, module, withAck });
}
