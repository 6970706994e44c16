// Opens a page with a browser bundle in headless Chromium, held to one transport
// or left to choose, and records what really went over the wire.

import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

import { PAGE_PATH } from './page-files.mjs';
import { RemoteClient } from './remote-client.mjs';

const CHROMIUM_FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/**
 * Either bundle takes the first usable of websocket, eventsource, long-polling,
 * cross-origin-long-polling, callback-polling; the third and second need the
 * page at the server's origin, the fourth needs it elsewhere.
 */
const DISABLED_FOR = {
  'websocket': [],
  'eventsource': ['websocket'],
  'long-polling': ['websocket', 'eventsource'],
  'cross-origin-long-polling': ['websocket'],
  'callback-polling': ['websocket', 'cross-origin-long-polling'],
};

export function launchBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`there is no browser at ${executablePath}: install the Debian package chromium, or set CHROMIUM`);
  }
  return chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
}

/** By which means a request of the bundle carries its messages. */
function carrierOf(request) {
  if (request.resourceType() === 'script' && request.url().includes('jsonp=')) return 'script';
  if (request.method() !== 'POST') return null;
  return request.postData()?.startsWith('message=') ? 'form' : 'json';
}

/** Records messages on the wire: { kind: 'wire', direction, carrier, text }. */
async function recordWire(context, page, log) {
  const record = (direction, carrier, text) => log.add({ kind: 'wire', direction, carrier, text });
  page.on('request', (request) => {
    const carrier = carrierOf(request);
    if (carrier) record('sent', carrier, `${request.url()} ${decodeURIComponent(request.postData() ?? '')}`);
  });
  page.on('requestfinished', async (request) => {
    const carrier = carrierOf(request);
    if (!carrier) return;
    try {
      const response = await request.response();
      record('received', carrier, await response.text());
    } catch {
      // The page or its server went away first; what was not read proves nothing.
    }
  });
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => record('sent', 'websocket', String(payload)));
    socket.on('framereceived', ({ payload }) => record('received', 'websocket', String(payload)));
  });
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.eventSourceMessageReceived', ({ data }) => record('received', 'eventsource', data));
}

/**
 * @param situation  where the page comes from (`pageOrigin`), where it finds the server (`endpoint`), what ends with
 *                   the client (`close`); `options` for the client; `inContext`, a browser context that outlives it;
 *                   `prepare(page)`, called before the page is loaded; `disabled`, instead of what the transport needs
 */
export async function openBrowserClient(browser, bundle, transport, situation) {
  const { pageOrigin, endpoint, close = () => {}, options = {}, inContext, prepare, disabled } = situation;
  const context = inContext ?? await browser.newContext();
  const page = await context.newPage();
  const client = new RemoteClient(
    { name: `${bundle.name} over ${transport}`, transport },
    (operation, method, methodArguments) => page.evaluate(
      (command) => window.perform(command.operation, command.method, command.methodArguments),
      { operation, method, methodArguments },
    ),
    async () => {
      await (inContext ? page : context).close();
      await close();
    },
  );
  client.page = page;
  page.on('pageerror', (error) => client.log.add({ kind: 'page error', text: String(error) }));
  page.on('console', (line) => client.log.add({ kind: 'console', text: line.text() }));
  page.on('crash', () => client.log.fail(new Error('the page crashed')));
  page.on('close', () => client.log.fail(new Error('the page was closed')));

  await page.exposeFunction('reportToTest', (batch) => {
    for (const entry of batch) client.log.add(entry);
  });
  await prepare?.(page);
  await page.goto(`${pageOrigin}${PAGE_PATH}`);
  await recordWire(context, page, client.log);
  await page.evaluate((settings) => window.startDriver(settings), {
    endpoint,
    disabled: disabled ?? DISABLED_FOR[transport] ?? [],
    options: { retry: bundle.retryOver(transport), ...options },
  });
  return client;
}
