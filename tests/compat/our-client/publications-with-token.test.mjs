// Publications of a page at another origin that need a token: there is no cookie that shows whose session it is.

import { after, before, describe } from 'node:test';

import { makeToken, TOKEN_SECRET } from '../lib/application.mjs';
import { launchBrowser, openBrowserClient } from '../lib/browser-client.mjs';
import { OUR_BUNDLE } from '../lib/bundles.mjs';
import { assertNoPageErrors, openElsewhere } from '../lib/our-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const SETTINGS = `
[[key]]
algorithm = "HS256"
secret = "${TOKEN_SECRET}"

[[channel]]
match = "/**"
publish = "token"
subscribe = "token"
`;

/** With the subscription and alone: the first request of a page contains both. */
async function arrive(workbench) {
  const server = await workbench.startServer({}, SETTINGS);
  const { origin } = await openElsewhere(workbench);
  const token = makeToken({ publish: '/**', subscribe: '/**' }, 600);
  const client = await workbench.openClient(server, { pageOrigin: origin, endpoint: server.url, options: { token } });
  await Promise.all([client.subscribe('/rooms/7'), client.publish('/rooms/7', 'first')]);
  await client.delivery('/rooms/7', 'first');
  await client.publish('/rooms/7', 'second');
  await client.delivery('/rooms/7', 'second');
  assertNoPageErrors(client);
  await client.disconnect();
  await server.stop();
}

describe('publications with a token from a page at another origin', () => {
  let browser;
  before(async () => { browser = await launchBrowser(); });
  after(() => browser?.close());
  for (const transport of ['websocket', 'cross-origin-long-polling']) {
    const open = (_server, situation) => openBrowserClient(browser, OUR_BUNDLE, transport, situation);
    registerTest(`arrive over ${transport}`, open, arrive, OUR_SERVER);
  }
});
