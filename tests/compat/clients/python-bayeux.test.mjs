// python-bayeux, a client of Salesforce's Streaming API: it begins a new session only if the error of a connect is exactly
// Salesforce's text for an unknown session.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loseSession, returnsAfterLoss, startSubscriber } from '../lib/python-client.mjs';

const SALESFORCE = { FAYE_DIALECT__UNKNOWN_CLIENT: 'salesforce' };

test("python-bayeux begins a new session by Salesforce's text", async (context) => {
  const subscriber = await startSubscriber(context, 'python-bayeux', [], SALESFORCE);
  await loseSession(subscriber);
  await subscriber.client.prints('refused 1 403::Unknown client');
  await returnsAfterLoss(subscriber);
});

test("python-bayeux never begins a new session by Faye's text", async (context) => {
  const subscriber = await startSubscriber(context, 'python-bayeux', [], {});
  await loseSession(subscriber);
  const { client, clientId } = subscriber;
  await client.prints(`refused 5 401:${clientId}:Unknown client`);
  assert.ok(!client.output.includes('handshake 2 '), client.output);
});
