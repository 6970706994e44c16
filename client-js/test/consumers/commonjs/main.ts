/**
 * A Node program in TypeScript, as CommonJS, with the one object that `require` gives.
 */

import Faye = require('faye-client');
import hooks = require('faye-client/react');

const client: Faye.Client = new Faye.Client('http://localhost:8000/faye');
const options: Faye.ClientOptions = { timeout: 30 };

// It has to reach the client, not only the object that was required.
const logger = (): void => {};
Faye.logger = logger;
if (Faye.default.logger !== logger) throw new Error('a logger that is set on the module does not reach the client');

export const use = (): Faye.Subscription => client.subscribe('/news', () => {});
export const all: unknown[] = [options, Faye.Scheduler, Faye.FayeError, Faye.VERSION, hooks.useClient];
