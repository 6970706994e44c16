// jsforce's streaming client in the place of Faye's: its client is npm Faye, which it makes itself, with its own URL,
// header and extensions.

import { createRequire } from 'node:module';

// The modules of jsforce are CommonJS, and the second one extends the first.
const require = createRequire(import.meta.url);
const { Connection } = require('jsforce');
const { StreamingExtension } = require('jsforce/api/streaming');

/** The version of Salesforce's API, which is the last segment of the URL. */
export const API_VERSION = '58.0';

/** @param options  { channel, replayId }: without a position, the client has no extension for it */
function Client(endpoint, { channel, replayId }) {
  const connection = new Connection({ instanceUrl: endpoint, accessToken: 'a-token', version: API_VERSION });
  const extensions = [new StreamingExtension.AuthFailure((message) => {
    throw new Error(`the client gives up: ${JSON.stringify(message)}`);
  })];
  if (replayId !== undefined) extensions.push(new StreamingExtension.Replay(channel, replayId));
  return connection.streaming.createClient(extensions);
}

export default { Client };
