// Headers that an application or a tracing library adds to the requests of a page at another origin.

import assert from 'node:assert/strict';

import { openElsewhere, registerOurScenarios } from '../lib/our-scenarios.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

const PAGE = '/page/headers';
const HEADERS = {
  'X-Own': '1', 'traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'sentry-trace': 'a-b-1',
  'baggage': 'a=b', 'Cache-Control': 'no-cache',
};

async function headersPassThePreflight(workbench, browser) {
  const server = await workbench.startServer();
  const elsewhere = await openElsewhere(workbench, {
    more: { [PAGE]: `<script src="${server.url}/client.js"></script>` },
    policy: () => `img-src data:; default-src 'self' ${server.origin}`,
  });
  const page = await browser.newPage();
  workbench.atEnd(() => page.close());
  await page.goto(`${elsewhere.origin}${PAGE}`);
  const heard = await page.evaluate(([address, headers]) => new Promise((resolve, reject) => {
    const client = new Faye.Client(address);
    // Only requests by fetch can carry the headers.
    for (const transport of ['websocket', 'eventsource', 'callback-polling']) client.disable(transport);
    for (const [name, value] of Object.entries(headers)) client.setHeader(name, value);
    client.subscribe('/headers', (data) => client.disconnect().then(() => resolve(data), reject));
    client.publish('/headers', 'heard').then(null, reject);
  }), [server.url, HEADERS]);
  assert.equal(heard, 'heard');
  await server.stop();
}

registerOurScenarios('headers from another origin', {
  'every header that the page asks for passes the preflight': {
    onlyWith: OUR_SERVER, because: 'the list of Faye\'s server is fixed', body: headersPassThePreflight,
  },
});
