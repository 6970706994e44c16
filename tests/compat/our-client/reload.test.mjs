// A page that is loaded again in the middle of a stream, with the option `remember`: it gets each message once.

import assert from 'node:assert/strict';

import { OUR_BUNDLE } from '../lib/bundles.mjs';
import { registerOurScenarios } from '../lib/our-scenarios.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER } from '../lib/server.mjs';

const SETTINGS = '[[channel]]\nmatch = "/h/**"\nhistory = { messages = 1000, age = "1h" }\n';
const READER = '/reader';
const BUNDLE = '/bundle.js';
const CHANNELS = 3;
const RELOADS = 6;
/** Between two reloads at the least. */
const MESSAGES = 25;

/** What an application does: it keeps what it has received where the next load finds it. */
function read(disabled, options) {
  const keep = (entry) => {
    const kept = JSON.parse(sessionStorage.getItem('kept') ?? '[]');
    sessionStorage.setItem('kept', JSON.stringify([...kept, entry]));
  };
  const client = new window.Faye.Client('/faye', { ...options, replay: true, retry: 0.1 });
  for (const transport of disabled) client.disable(transport);
  client.on('replay:gap', ({ channel }) => keep(`a gap of ${channel}`));
  client.subscribe('/h/*', (number) => keep(number)).then(() => { window.isSubscribed = true; });
  client.subscribe('/h/0', () => {});
}

async function open(workbench, browser, disabled, options) {
  const server = await workbench.startServer({}, SETTINGS);
  const page = await browser.newPage();
  workbench.atEnd(() => page.close());
  // Not through a front: a connection that the browser has kept goes to the server.
  const head = `<meta charset="utf-8"><link rel="icon" href="data:,"><script src="${BUNDLE}"></script>
    <script>(${read})(${JSON.stringify(disabled)}, ${JSON.stringify(options)})</script>`;
  const serve = (path, contentType, body) =>
    page.route((url) => url.pathname === path, (route) => route.fulfill({ contentType, body }));
  await serve(BUNDLE, 'text/javascript; charset=utf-8', OUR_BUNDLE.text);
  await serve(READER, 'text/html; charset=utf-8', `<!DOCTYPE html><html><head>${head}</head></html>`);
  await page.goto(server.origin + READER);
  await page.waitForFunction(() => window.isSubscribed);
  const publish = (number) => sendMessages(server.url, [{ channel: `/h/${number % CHANNELS}`, data: number }]);
  const kept = () => page.evaluate(() => JSON.parse(sessionStorage.getItem('kept') ?? '[]'));
  return { server, page, publish, kept };
}

function getsEachMessageOnce(disabled, options) {
  return async (workbench, browser) => {
    const { server, page, publish, kept } = await open(workbench, browser, disabled, { ...options, remember: true });
    let last = 0;
    // As fast as a page with a test in it can follow.
    const publishSome = async (isOver) => {
      for (let count = 0; count < MESSAGES || !isOver(); count += 1) {
        await publish(last += 1);
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
    };
    for (let round = 1; round <= RELOADS; round += 1) {
      let isLoaded = false;
      const reload = async () => {
        // The first messages of the round have arrived; others arrive while the page goes and comes.
        await page.waitForFunction((number) => sessionStorage.getItem('kept')?.includes(number), String(last + 3));
        await page.reload();
        // Some loads end before the client has subscribed.
        if (round % 3 > 0) await page.waitForFunction(() => window.isSubscribed);
        isLoaded = true;
      };
      await Promise.all([publishSome(() => isLoaded), reload()]);
    }
    const all = Array.from({ length: last }, (_, at) => at + 1);
    await page.waitForFunction((count) => JSON.parse(sessionStorage.getItem('kept')).length >= count, last);
    // A sentinel on each channel: what comes twice has come by then.
    for (let channel = 0; channel < CHANNELS; channel += 1) await publish(last + 1 + channel);
    await page.waitForFunction((count) => JSON.parse(sessionStorage.getItem('kept')).length >= count, last + CHANNELS);
    const received = (await kept()).filter((entry) => !(entry > last));
    assert.deepEqual(received.toSorted((one, other) => one - other), all, 'each once, and no gap');
    // While the client changes from long-polling to a stream, messages are under way on two connections.
    for (let channel = 0; options.ack && channel < CHANNELS; channel += 1) {
      const inChannel = received.filter((number) => number % CHANNELS === channel);
      assert.deepEqual(inChannel, inChannel.toSorted((one, other) => one - other), 'in order');
    }
    await server.stop();
  };
}

async function beginsAnewWithoutTheOption(workbench, browser) {
  const { server, page, publish, kept } = await open(workbench, browser, [], {});
  await publish(1);
  await page.waitForFunction(() => sessionStorage.getItem('kept')?.includes('1'));
  await page.goto('about:blank');
  await publish(2);
  await page.goBack();
  await page.waitForFunction(() => window.isSubscribed);
  await publish(5);
  await page.waitForFunction(() => sessionStorage.getItem('kept').includes('5'));
  assert.deepEqual(await kept(), [1, 5]);
  await server.stop();
}

const TRANSPORTS = { 'websocket': [], 'eventsource': ['websocket'], 'long-polling': ['websocket', 'eventsource'] };
const tests = { 'without the option it begins anew': { onlyWith: OUR_SERVER, body: beginsAnewWithoutTheOption } };
for (const [transport, disabled] of Object.entries(TRANSPORTS)) {
  for (const options of [{}, { ack: true }]) {
    const title = `over ${transport}${options.ack ? ' with acknowledgement' : ''} it gets each message once`;
    tests[title] = { onlyWith: OUR_SERVER, body: getsEachMessageOnce(disabled, options) };
  }
}
registerOurScenarios('a page that is loaded again', tests);
