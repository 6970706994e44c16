// What a program finds in the package at run time, whether it imports or requires it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import * as imported from 'faye-client';
import * as hooks from 'faye-client/react';

const require = createRequire(import.meta.url);
const { version } = require('faye-client/package.json');

const ON_FAYE = ['Client', 'Error', 'Scheduler', 'VERSION', 'logger'];
const ON_CLIENT = [
  ...['state', 'transport', 'clientId'],
  ...['handshake', 'connect', 'disconnect', 'subscribe', 'unsubscribe', 'publish', 'batch'],
  ...['addExtension', 'removeExtension', 'disable', 'setHeader'],
  ...['on', 'once', 'addListener', 'removeListener', 'removeAllListeners', 'listeners', 'emit'],
  ...['bind', 'unbind', 'trigger'],
];
const HOOKS = ['useClient', 'useConnection', 'useSubscription'];

const has = (object, names, what) => {
  for (const name of names) assert.ok(name in object, `${what} has no ${name}`);
};

function check(module, how) {
  const Faye = module.default;
  has(Faye, ON_FAYE, `the default export, ${how},`);
  assert.equal(Faye.VERSION, version);
  assert.equal(module.VERSION, version);
  assert.equal(module.Client, Faye.Client);
  assert.equal(module.FayeError, Faye.Error);
  assert.equal(module.Scheduler, Faye.Scheduler);
  const client = new module.Client('http://localhost:8000/faye');
  assert.ok(client instanceof Faye.Client);
  has(client, ON_CLIENT, `a client, ${how},`);
  assert.equal(client.state, 'unconnected');

  const logger = () => {};
  Faye.logger = logger;
  assert.equal(Faye.logger, logger);
}

check(imported, 'imported');
has(hooks, HOOKS, 'faye-client/react, imported,');

const required = require('faye-client');
check(required, 'required');
has(required, ['Client', 'Scheduler', 'VERSION', 'logger'], 'the module, required,');
const other = () => {};
required.logger = other;
assert.equal(required.default.logger, other, 'a logger that is set on the module does not reach the client');
has(require('faye-client/react'), HOOKS, 'faye-client/react, required,');
