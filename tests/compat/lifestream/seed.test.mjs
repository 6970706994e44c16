// The lifestream of the article "Lifestream Architecture" as one story: publishers ping hubs, the server saves entries and
// shows them live, and nothing is polled.

import assert from 'node:assert/strict';

import { makeToken } from '../lib/application.mjs';
import { startRedis } from '../lib/cluster/redis.mjs';
import { abandonWaiting, describeWaiting } from '../lib/cluster/waiting.mjs';
import { listed, live, titles, untilListed, Wire } from '../lib/lifestream.mjs';
import { startPostgres } from '../lib/lifestream/postgres.mjs';
import { FEEDS, loses, notices, PUSH_SECRET, Seed, showsOnce } from '../lib/lifestream/seed.mjs';
import { openNodeClient } from '../lib/node-client.mjs';
import { sendMessages } from '../lib/publish.mjs';
import { OUR_SERVER } from '../lib/server.mjs';
import { registerTest } from '../lib/workbench.mjs';

const ALL = '/feeds/**';
const openClient = ({ url }) => openNodeClient('npm Faye', 'faye', 'websocket', url);

function testSeed(title, body) {
  registerTest(title, openClient, (workbench) => {
    workbench.alsoShow(describeWaiting);
    workbench.atEnd(abandonWaiting);
    return body(workbench);
  }, OUR_SERVER);
}

/** A step of a story: its name is in the error. */
async function step(name, body) {
  try {
    await body();
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

testSeed('entries of pinged feeds are saved, then live, once and in order, over kills and unpolled', async (workbench) => {
  const seed = await new Seed().start(workbench);
  const { site, social, gate, server } = seed;
  const client = await workbench.openClient(server);
  await client.connectSubscribed(ALL);
  const wire = await new Wire().start(server.origin);
  workbench.atEnd(() => wire.close());
  const first = await seed.open({ origin: wire.origin });
  let second;
  /** Pings after which the hub has fetched a feed. */
  const fetches = Object.fromEntries(Object.keys(FEEDS).map((name) => [name, 0]));
  const publish = async (name, title) => {
    const entry = await seed.publish(name, title);
    fetches[name] += 1;
    return entry;
  };
  const pages = () => [first, second].filter(Boolean);
  const shown = async (title) => {
    for (const page of pages()) await showsOnce(page, title);
  };
  const received = (title) => client.log.waitFor(({ kind, data }) => kind === 'delivery' && data.entry.title === title);
  /** Kills the server, starts it again, and waits until all clients are back. Nothing is published before `gate.open`. */
  const restart = async ({ afterKill = () => {} } = {}) => {
    const mark = client.log.mark();
    await server.crash();
    for (const page of pages()) await notices(page);
    gate.refuse();
    afterKill();
    await server.start();
    await client.reply('/meta/subscribe', () => true, mark);
    for (const page of pages()) await live(page);
  };

  await step('an entry is saved first, and live then', async () => {
    const held = gate.hold('before', await seed.last());
    await publish('blog', 'Saved first');
    const seq = await held;
    const { entries: [saved] } = await listed(server);
    assert.deepEqual([saved.seq, saved.entry.title, saved.via], [seq, 'Saved first', 'push']);
    assert.deepEqual(await titles(first), []);
    assert.deepEqual(client.delivered(ALL), []);
    gate.open();
    await shown('Saved first');
    await received('Saved first');
    assert.deepEqual(client.delivered(ALL), [saved]);
  });

  await step('what a page shows is in the list at that moment', async () => {
    await first.evaluate(() => {
      globalThis.isListed = new Promise((resolve) => {
        new MutationObserver(async (_changes, observer) => {
          const [newest] = document.querySelectorAll('#stream > article');
          if (newest.querySelector('h2').textContent !== 'Pushed code') return;
          observer.disconnect();
          const { entries } = await (await fetch('/lifestream/entries')).json();
          resolve(entries.map(({ entry }) => `entry-${entry.id}`).includes(newest.id));
        }).observe(document.getElementById('stream'), { childList: true });
      });
    });
    await publish('code', 'Pushed code');
    assert.equal(await first.evaluate(() => globalThis.isListed), true);
    await shown('Pushed code');
  });

  await step('all entries of one ping come, oldest first', async () => {
    const last = await seed.last();
    site.write('code', 'Pushed with another');
    await publish('code', 'Pushed with one before');
    await shown('Pushed with one before');
    await shown('Pushed with another');
    const { entries } = await seed.events(last);
    assert.deepEqual(entries.map(({ entry }) => entry.title), ['Pushed with another', 'Pushed with one before']);
  });

  await step('nothing comes twice after a second ping', async () => {
    const last = await seed.last();
    for (const [result, change] of [['not_modified', () => {}], ['unchanged', () => site.rebuild('blog')]]) {
      change();
      await seed.ping('blog');
      fetches.blog += 1;
      await seed.metricIs(`faye_hub_fetches_total{result="${result}"}`, 1);
      assert.deepEqual(await seed.events(last), { entries: [], last });
    }
  });

  await step('nothing comes twice when a second hub pushes it too', async () => {
    const entry = await publish('photos', 'By two hubs');
    await shown('By two hubs');
    const last = await seed.last();
    assert.equal(await social.push(site.url('photos'), site.document('photos', [entry])), 204);
    assert.deepEqual(await seed.events(last), { entries: [], last });
    await publish('photos', 'After two hubs');
    await shown('After two hubs');
    assert.deepEqual((await seed.events(last)).entries.map(({ entry: { title } }) => title), ['After two hubs']);
  });

  await step('a second hub pushes what the first one does not have', async () => {
    const topic = site.url('microblog');
    assert.ok(social.isSigned(topic));
    assert.equal(await social.push(topic, site.document('microblog', [site.write('microblog', 'A notice')])), 204);
    await shown('A notice');
  });

  await step('a wrong signature publishes nothing', async () => {
    const topic = site.url('microblog');
    const last = await seed.last();
    const forged = site.document('microblog', [site.entry('Forged')]);
    assert.equal(await social.push(topic, forged, 'not the secret'), 202);
    assert.equal(await social.push(topic, forged, null), 403);
    assert.equal(await seed.metric('faye_feed_pushes_total{feed="microblog",result="forged"}'), 1);
    assert.deepEqual(await seed.events(last), { entries: [], last });
  });

  await step('no client publishes on the channel of a feed', async () => {
    const last = await seed.last();
    await assert.rejects(client.publish('/feeds/blog', { type: 'created' }), { code: 403 });
    const token = makeToken({ publish: ['/**'] }, 600);
    for (const ext of [{}, { password: PUSH_SECRET }, { token }]) {
      const messages = ['/feeds/blog', '/other'].map((channel) => ({ channel, data: 1, ext }));
      const replies = await sendMessages(server.url, messages);
      assert.deepEqual(replies.map(({ successful }) => successful), [false, true], JSON.stringify(ext));
      assert.match(replies[0].error, /^403:/);
    }
    assert.deepEqual(await seed.events(last), { entries: [], last });
  });

  await step('a kill between ping and fetch loses nothing', async () => {
    const mark = site.mark();
    const release = site.hold('blog');
    await publish('blog', 'Pinged before the kill');
    await site.requested('blog', mark);
    // The fetch is repeated after the start.
    fetches.blog += 1;
    await restart({ afterKill: release });
    gate.open();
    await shown('Pinged before the kill');
    await received('Pinged before the kill');
  });

  second = await seed.open();

  await step('a kill between commit and publication loses nothing', async () => {
    const held = gate.hold('before', await seed.last());
    await publish('code', 'Saved before the kill');
    const seq = await held;
    assert.equal((await listed(server)).entries[0].seq, seq);
    assert.ok(client.delivered(ALL).every((data) => data.seq < seq));
    await restart();
    gate.open();
    await shown('Saved before the kill');
    const { data } = await received('Saved before the kill');
    assert.equal(data.seq, seq);
  });

  await step('a kill between publication and its record shows it once', async () => {
    const held = gate.hold('after', await seed.last());
    await publish('photos', 'Published before the kill');
    const seq = await held;
    await shown('Published before the kill');
    await received('Published before the kill');
    const mark = client.log.mark();
    await restart();
    gate.open();
    const again = await client.log.waitFor(({ kind }) => kind === 'delivery', mark);
    assert.deepEqual([again.data.seq, again.data.entry.title], [seq, 'Published before the kill']);
    await shown('Published before the kill');
  });

  await step('all windows have one order, with script and without', async () => {
    await publish('blog', 'After all kills');
    await shown('After all kills');
    const order = await seed.titles();
    assert.deepEqual([order.length, new Set(order).size], [11, 11]);
    const written = await seed.open({ javaScriptEnabled: false });
    for (const page of [...pages(), written]) assert.deepEqual(await titles(page), order);
  });

  await step('what is published while a browser is offline is there once, in order', async () => {
    await first.context().setOffline(true);
    // Chromium leaves open connections alone; a network that is gone does not.
    wire.cut();
    await notices(first);
    for (const [name, title] of [['blog', 'Away 1'], ['photos', 'Away 2'], ['code', 'Away 3']]) {
      await publish(name, title);
      await showsOnce(second, title);
    }
    const away = (await titles(first)).filter((title) => title.startsWith('Away'));
    assert.deepEqual(away, []);
    wire.isUp = true;
    await first.context().setOffline(false);
    await live(first);
    await shown('Away 3');
    const order = await seed.titles();
    assert.deepEqual(order.slice(0, 3), ['Away 3', 'Away 2', 'Away 1']);
    for (const page of pages()) assert.deepEqual(await titles(page), order);
  });

  await step('a changed entry is replaced, and a deleted one vanishes', async () => {
    const entry = await publish('blog', 'Misspelt');
    await shown('Misspelt');
    site.change('blog', entry, { title: 'Regretted' });
    await seed.ping('blog');
    fetches.blog += 1;
    await shown('Regretted');
    for (const page of pages()) assert.ok(!(await titles(page)).includes('Misspelt'));
    site.remove('blog', entry);
    await seed.ping('blog');
    fetches.blog += 1;
    for (const page of pages()) await loses(page, 'Regretted');
    const order = await seed.titles();
    assert.ok(!order.includes('Regretted'));
    const written = await seed.open({ javaScriptEnabled: false });
    for (const page of [...pages(), written]) assert.deepEqual(await titles(page), order);
  });

  await step('nothing was polled', async () => {
    for (const name of Object.keys(FEEDS)) {
      assert.deepEqual(site.requests(name), { hub: fetches[name], subscriber: 1 }, name);
    }
    assert.ok((await seed.feeds()).every((feed) => feed.next_poll_in === null && feed.state === 'active'));
  });

  await step('what a hub never pushes comes with a poll by hand', async () => {
    site.write('microblog', 'A favourite');
    await publish('blog', 'Last');
    await shown('Last');
    assert.ok(!(await seed.titles()).includes('A favourite'));
    await seed.poll('microblog');
    await shown('A favourite');
    const { entries } = await untilListed(server, (all) => all.some(({ entry }) => entry.title === 'A favourite'));
    assert.equal(entries.find(({ entry }) => entry.title === 'A favourite').via, 'poll');
    assert.deepEqual(site.requests('microblog'), { hub: 0, subscriber: 2 });
    assert.equal((await seed.feeds()).find(({ name }) => name === 'microblog').missed, 1);
  });

  await step('a plain client has got the same events', async () => {
    await received('A favourite');
    const { entries } = await seed.events(0);
    // Those of the same number are the same, and the last of each entry is in the list.
    const bySeq = new Map();
    for (const data of client.delivered(ALL)) {
      if (bySeq.has(data.seq)) assert.deepEqual(data, bySeq.get(data.seq));
      bySeq.set(data.seq, data);
    }
    const seqs = [...bySeq.keys()];
    assert.deepEqual(seqs, seqs.toSorted((a, b) => a - b));
    const last = new Map([...bySeq.values()].map((data) => [data.entry.id, data]));
    assert.deepEqual([...last.values()].toSorted((a, b) => a.seq - b.seq), entries);
  });

  assert.deepEqual(social.mistakes, []);
  assert.deepEqual(seed.mistakes, []);
});

testSeed('a browser of one instance shows once what the hub has pushed to another', async (workbench) => {
  const [store, redis] = [await startPostgres(workbench), await startRedis(workbench)];
  const seed = await new Seed().start(workbench, { size: 2, store, environment: { FAYE_REDIS__URL: redis.url } });
  const { site, social, servers: [pushed, other] } = seed;
  const topic = site.url('microblog');
  const pages = [await seed.open({ origin: other.origin }), await seed.open({ origin: pushed.origin })];
  const client = await workbench.openClient(other);
  await client.connectSubscribed(ALL);
  const titlesInOrder = [];
  for (let number = 1; number <= 5; number += 1) {
    const title = `Notice ${number}`;
    titlesInOrder.unshift(title);
    assert.equal(await social.push(topic, site.document('microblog', [site.write('microblog', title)])), 204);
    for (const page of pages) await showsOnce(page, title);
  }
  // By the hub of both instances.
  await seed.publish('blog', 'A post');
  for (const page of pages) await showsOnce(page, 'A post');
  await client.log.waitFor(({ kind, data }) => kind === 'delivery' && data.entry.title === 'A post');
  for (const page of pages) assert.deepEqual(await titles(page), ['A post', ...titlesInOrder]);
  const pushes = 'faye_feed_pushes_total{feed="microblog",result="read"}';
  assert.deepEqual([await seed.metric(pushes, pushed), await seed.metric(pushes, other)], [5, 0]);
  assert.deepEqual(client.delivered(ALL), (await seed.events(0)).entries);
  assert.deepEqual([social.mistakes, seed.mistakes], [[], []]);
});
