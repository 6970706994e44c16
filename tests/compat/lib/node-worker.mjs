// The worker thread in which one Faye client of one version lives. Ending the
// thread ends the client's timers and sockets, which no old version offers.

import { parentPort, workerData } from 'node:worker_threads';

import { makeToken } from './application.mjs';
import { createDriver } from './client-driver.mjs';

const { default: Faye } = await import(workerData.module);
const { settings, tokens } = workerData;
if (tokens) {
  const claims = { sub: 'u7', subscribe: ['/rooms/**'] };
  settings.options.token = () => makeToken(claims, tokens.seconds);
}
const report = (entry) => parentPort.postMessage(entry);
if (workerData.reportsLines) Faye.logger = (text) => report({ kind: 'console', text });
const perform = createDriver(Faye, settings, report);

parentPort.on('message', ({ operation, method, methodArguments }) =>
  perform(operation, method, methodArguments));
