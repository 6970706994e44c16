// The script as the server serves it, in real pages.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { openElsewhere, openFront, registerOurScenarios } from '../lib/our-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

const PAGE = '/page/served';

/** Opens a page whose head has that script element, and sends a message through the client in it. */
async function pageWorks(workbench, browser, origin, endpoint) {
  const page = await browser.newPage();
  workbench.atEnd(() => page.close());
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (line) => line.type() === 'error' && errors.push(line.text()));
  await page.goto(`${origin}${PAGE}`);
  const heard = await page.evaluate((address) => new Promise((resolve, reject) => {
    const client = new Faye.Client(address);
    client.subscribe('/page', (data) => client.disconnect().then(() => resolve(data), reject));
    client.publish('/page', 'heard').then(null, reject);
  }), endpoint);
  assert.equal(heard, 'heard');
  assert.deepEqual(errors, []);
}

async function sameOrigin(workbench, browser) {
  const server = await workbench.startServer();
  const front = await openFront(workbench, server, { more: { [PAGE]: '<script src="/faye/client.js"></script>' } });
  await pageWorks(workbench, browser, front.origin, '/faye');
  await server.stop();
}

async function checkedFromElsewhere(workbench, browser) {
  const server = await workbench.startServer();
  const address = `${server.url}/client.js`;
  const body = Buffer.from(await (await fetch(address)).arrayBuffer());
  const integrity = `sha384-${createHash('sha384').update(body).digest('base64')}`;
  const elsewhere = await openElsewhere(workbench, {
    more: { [PAGE]: `<script src="${address}" crossorigin integrity="${integrity}"></script>` },
    policy: () => `img-src data:; default-src 'self' ${server.origin} ${server.origin.replace('http', 'ws')}`,
  });
  await pageWorks(workbench, browser, elsewhere.origin, server.url);
  await server.stop();
}

registerOurScenarios('the script that the server serves', {
  'a page of its origin loads it': { onlyWith: OUR_SERVER, body: sameOrigin },
  'a page from elsewhere checks its integrity': { onlyWith: OUR_SERVER, body: checkedFromElsewhere },
});
