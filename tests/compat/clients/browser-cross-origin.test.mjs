// Drives the server with the official 1.4.3 browser bundle in a page that comes
// from another origin: the handshake goes by script, the rest must pass CORS.

import { registerBrowserScenarios } from '../lib/browser-scenarios.mjs';
import { startPageServer } from '../lib/page-files.mjs';

registerBrowserScenarios(['websocket', 'cross-origin-long-polling', 'callback-polling'], 'cross origin', async (server) => {
  const pageServer = await startPageServer();
  return { pageOrigin: pageServer.origin, endpoint: server.url, close: pageServer.close };
});
