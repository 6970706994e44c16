// The worker thread in which one Faye client of one version lives. Ending the
// thread ends the client's timers and sockets, which no old version offers.

import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

import { createDriver } from './client-driver.mjs';

const require = createRequire(import.meta.url);
const Faye = require(workerData.packageName);
const perform = createDriver(Faye, workerData.settings, (entry) => parentPort.postMessage(entry));

parentPort.on('message', ({ operation, method, methodArguments }) =>
  perform(operation, method, methodArguments));
