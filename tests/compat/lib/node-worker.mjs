// The worker thread in which one Faye client of one version lives. Ending the
// thread ends the client's timers and sockets, which no old version offers.

import { parentPort, workerData } from 'node:worker_threads';

import { createDriver } from './client-driver.mjs';

const { default: Faye } = await import(workerData.module);
const report = (entry) => parentPort.postMessage(entry);
if (workerData.reportsLines) Faye.logger = (text) => report({ kind: 'console', text });
const perform = createDriver(Faye, workerData.settings, report);

parentPort.on('message', ({ operation, method, methodArguments }) =>
  perform(operation, method, methodArguments));
