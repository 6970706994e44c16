// The page at `/` in a browser: its connection, the chat between windows, and
// the publish box with its list of messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { connected, holds, interrupted, NOT_FOR_REFERENCE, runShownLine, until, WATCHDOG, withPages } from '../lib/page-window.mjs';
import { lineIs, SIDES } from '../lib/page-plug.mjs';
import { publishByPost } from '../lib/publish.mjs';

const FORCED = [
  ['websocket', 'Connected over WebSocket'],
  ['eventsource', 'Connected over EventSource'],
  ['long-polling', 'Connected over long-polling'],
  ['callback-polling', 'Connected over JSON-P'],
];

/** The transport that a request belongs to, seen from outside of the client. */
function transportOf(request) {
  if (request.resourceType() === 'eventsource') return 'eventsource';
  if (request.resourceType() === 'script' && request.url().includes('jsonp=')) return 'callback-polling';
  return request.method() === 'POST' ? 'long-polling' : null;
}

async function say(page, text) {
  await page.fill('#chat-text', text);
  await page.press('#chat-text', 'Enter');
}

test('the page shows its address and connects, with any mount', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    assert.equal(await page.textContent('#url'), server.url);
    // The handshake may go over another transport first.
    await holds(page, '#state-text', 'Connected over WebSocket');
    for (const target of ['/healthz', '/metrics']) {
      assert.equal(await page.locator(`a[href="${target}"]`).count(), 1);
    }
  }, { FAYE_SERVER__MOUNT: '/other/path' });
});

test('under a host that is not the server\'s own the page names the setting', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open({ isRefused: true });
    await holds(page, '#trouble', 'its host is not in server.hosts');
    assert.ok(await page.isVisible('#trouble'));
  }, { FAYE_BROWSERS__ORIGINS: 'https://app.example', FAYE_SERVER__HOSTS: 'push.example' });
});

test('two windows chat, and what looks like HTML is text', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const [one, other] = [await open(), await open()];
    await one.fill('#chat-name', 'Ada <i>');
    await say(one, '<b>hello</b> & <img src=x>');
    for (const page of [one, other]) {
      await holds(page, '#chat-log li:last-child .text', '<b>hello</b> & <img src=x>');
      await holds(page, '#chat-log li:last-child .who', 'Ada <i>');
      assert.equal(await page.locator('#chat-log :is(b, i, img)').count(), 0);
    }
    await until(one, () => document.querySelector('#chat-text').value === '');
    assert.equal(await one.locator('#chat-log .own').count(), 1);
    assert.equal(await other.locator('#chat-log .own').count(), 0);
    await say(other, 'and back');
    await holds(one, '#chat-log li:last-child', 'and back');
    // A back end publishes too; invalid messages are not shown.
    for (const rubbish of [null, 7, [], {}, { text: {} }, { text: ' ' }]) {
      await publishByPost(server.url, '/demo/chat', rubbish);
    }
    await publishByPost(server.url, '/demo/chat', 'from a back end');
    await holds(one, '#chat-log li:last-child', 'from a back end');
    assert.equal(await one.locator('#chat-log li').count(), 3);
  });
});

test('a name stays with its window over a reload', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    assert.match(await page.inputValue('#chat-name'), /^\w+ \w+$/);
    await page.fill('#chat-name', 'Grace');
    await page.press('#chat-name', 'Tab');
    await page.reload();
    await connected(page);
    assert.equal(await page.inputValue('#chat-name'), 'Grace');
  });
});

test('while the server is unavailable the page shows it, keeps the text, and reconnects', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    await publishByPost(server.url, '/hello', 'before');
    await holds(page, '#messages li', '"before"');
    await server.stop();
    await interrupted(page);
    await holds(page, '#state', 'the server is unavailable');
    await say(page, 'is anybody there?');
    await holds(page, '#chat-problem', 'Not sent: ');
    assert.equal(await page.inputValue('#chat-text'), 'is anybody there?');
    await page.click('#publish-form button');
    await holds(page, '#publish-note', 'Not published: ');
    await server.start();
    await connected(page);
    await page.press('#chat-text', 'Enter');
    await holds(page, '#chat-log li', 'is anybody there?');
    await until(page, () => document.querySelector('#chat-problem').textContent === '');
    await publishByPost(server.url, '/hello', 'after');
    await holds(page, '#messages li', '"after"');
    assert.equal(await page.locator('#messages li').count(), 2);
  });
});

test('the page reports subscriptions as accepted only once the server has accepted all, also after a restart', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const held = [];
    let isHolding = true;
    const hold = (text, pass) => {
      if (isHolding && String(text).includes('"/meta/subscribe"')) held.push(pass);
      else pass();
    };
    const release = () => {
      isHolding = false;
      for (const pass of held.splice(0)) pass();
    };
    const prepare = async (page) => {
      await page.routeWebSocket(/\/faye$/, (socket) => {
        const upstream = socket.connectToServer();
        socket.onMessage((text) => hold(text, () => upstream.send(text)));
      });
      await page.route((url) => url.pathname === '/faye', (route) => hold(route.request().postData(), () => route.continue()));
    };
    const page = await open({ isUnready: true, prepare });
    const shown = () => page.getAttribute('body', 'data-subscriptions');
    const assertUnready = async () => {
      await page.waitForSelector('#state[data-state=connected]', WATCHDOG);
      for (const side of SIDES) await lineIs(page, side, 'connected');
      assert.equal(await shown(), 'pending');
      assert.ok(held.length > 0);
      release();
      await connected(page);
      assert.equal(await shown(), 'accepted');
    };
    await assertUnready();
    await server.stop();
    await interrupted(page);
    assert.equal(await shown(), 'pending');
    isHolding = true;
    await server.start();
    await assertUnready();
    await publishByPost(server.url, '/hello', 'at once');
    await holds(page, '#messages li', '"at once"');
    await page.fill('#feed-pattern', 'no channel');
    await page.press('#feed-pattern', 'Enter');
    await until(page, () => document.body.dataset.subscriptions === 'refused');
  });
});

test('all times of day on the page have one format', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open({ locale: 'en-US' });
    await say(page, 'the time');
    await publishByPost(server.url, '/hello', 'the time');
    for (const place of ['#chat-log time', '#messages time']) {
      await page.waitForSelector(place, WATCHDOG);
      assert.match(await page.textContent(place), /^\d\d:\d\d:\d\d$/);
    }
  });
});

test('the publish box publishes, and the curl snippet does the same', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    const line = await page.textContent('#snippet');
    assert.ok(line.includes(server.url) && line.includes('"/hello"'), line);
    await runShownLine(page, '#snippet');
    await holds(page, '#messages li', '/hello "Hello, world"');
    await page.fill('#publish-channel', "/it's/here");
    await page.press('#publish-channel', 'Tab');
    await holds(page, '#feed-note', 'Not subscribed: Invalid channel; write for example /chat/room');
    await page.fill('#publish-channel', '/other');
    for (const data of [`{"it's": "'quoted' $HOME \`id\` \\\\ \\"!\\" <b>"}`, '[1,\n 2]', 'null', '"\u2603"']) {
      const shown = JSON.stringify(JSON.parse(data));
      await page.fill('#publish-data', data);
      for (const publish of [() => page.click('#publish-form button'), () => runShownLine(page, '#snippet')]) {
        const before = await page.locator('#messages li').count();
        await publish();
        await until(page, (count) => document.querySelectorAll('#messages li').length > count, before);
        await holds(page, '#messages li:first-child', `/other ${shown}`);
      }
    }
    assert.equal(await page.locator('#messages b').count(), 0);
  });
});

test('the publish box shows mistakes in JSON and refusals of the server', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    const page = await open();
    const line = await page.textContent('#snippet');
    await page.fill('#publish-data', '{"text": }');
    await holds(page, '#publish-note', 'Not JSON: ');
    assert.equal(await page.getAttribute('#publish-data', 'aria-invalid'), 'true');
    assert.equal(await page.textContent('#snippet'), line);
    await page.fill('#publish-data', '1');
    assert.equal(await page.textContent('#publish-note'), '');
    await page.fill('#publish-channel', '/not/*');
    await page.click('#publish-form button');
    await holds(page, '#publish-note', 'Not published: Invalid channel; write for example /chat/room');
  });
});

test('the list shows what arrives on a chosen pattern, newest first, the last fifty', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    await page.click('#feed-all');
    await say(page, 'seen twice');
    await holds(page, '#messages li', '/demo/chat');
    await page.fill('#feed-pattern', '/a/*');
    await page.press('#feed-pattern', 'Enter');
    await page.click('#publish-form button');
    await holds(page, '#publish-note', 'is subscribed to /a/* only');
    await connected(page);
    const numbers = Array.from({ length: 55 }, (_, number) => number);
    for (const number of numbers) await publishByPost(server.url, '/a/b', { number });
    await holds(page, '#messages li:first-child', '/a/b {"number":54}');
    assert.equal(await page.locator('#messages li').count(), 50);
    await holds(page, '#messages li:last-child', '{"number":5}');
  });
});

test('a forced transport is the one in use, and works', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ server, open }) => {
    const page = await open();
    const used = new Set();
    page.on('websocket', () => used.add('websocket'));
    page.on('request', (request) => used.add(transportOf(request)));
    for (const [transport, text] of FORCED) {
      used.clear();
      await page.check(`[name=transport][value=${transport}]`, { force: true });
      await holds(page, '#state-text', text);
      await say(page, `over ${transport}`);
      await holds(page, '#chat-log li:last-child', `over ${transport}`);
      await page.click('#publish-form button');
      await holds(page, '#publish-note', 'Published.');
      assert.ok(used.has(transport), `${transport}: ${[...used]}`);
    }
    await publishByPost(server.url, '/demo/chat', 'still once');
    await holds(page, '#chat-log li:last-child', 'still once');
    assert.equal(await page.locator('#chat-log li').count(), FORCED.length + 1);
  });
});

test('on a phone nothing is wider than the screen, in light and dark', NOT_FOR_REFERENCE, async () => {
  await withPages(async ({ open }) => {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ isPhone: true, colorScheme });
      const word = 'w'.repeat(190);
      await say(page, word);
      await page.fill('#card-text', word);
      await page.press('#card-text', 'Enter');
      await page.fill('#publish-data', `"${word}"`);
      await page.click('#publish-form button');
      await holds(page, '#messages li', word);
      await holds(page, '#chat-log li:last-child', word);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    }
  });
});
