// Drives the server with the official 1.4.3 browser bundle in a page that shares
// the server's origin.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { startFront } from '../lib/page-files.mjs';

registerBrowserScenarios(['websocket', 'eventsource', 'long-polling'], 'same origin', async (server) => {
  const front = await startFront(server.origin);
  const endpoint = `${front.origin}${new URL(server.url).pathname}`;
  return { pageOrigin: front.origin, endpoint, close: front.close };
});
