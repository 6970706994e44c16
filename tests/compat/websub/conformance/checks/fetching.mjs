// Pings, and the fetches of topics that follow them.

import assert from 'node:assert/strict';

const feedOf = (bench, { title = 'A feed', entries }, url) => `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><id>${url}</id><title>${title}</title><updated>2026-01-01T00:00:00Z</updated>
<link rel="hub" href="${bench.hub.link}"/><link rel="self" href="${url}"/><author><name>A</name></author>
${entries.map(({ id, text }) => `<entry><id>${id}</id><title>${text}</title><updated>2026-01-01T00:00:00Z</updated></entry>`).join('\n')}
</feed>
`;

async function follower(bench, options) {
  const [topic, callback] = [bench.topic(options), await bench.callback()];
  await bench.subscribed(callback, topic);
  await bench.follow(topic, callback);
  return { topic, callback };
}

/** `Name/version (+https://hub/; 26 subscribers)`: the number, or null. */
const countIn = (agent) => /^[^\s/]+\/\S+ \(\+https?:\/\/[^\s;]+; (\d+) subscribers?\)/.exec(agent ?? '')?.[1] ?? null;

export const FETCHING = [
  {
    number: 27,
    text: 'Publish: form-encoded POST; hub.url at least once, repeatable; 204 without subscribers too; else 4xx or 5xx',
    parts: {
      'with and without subscribers, and for unknown topics': async (bench) => {
        const { topic } = await follower(bench);
        for (const url of [topic.url, bench.topic().url, `${topic.url}/unknown`]) {
          const answer = await bench.ping({ url });
          assert.equal(answer.status, 204, `a ping got ${answer.status}, not 204: ${answer.text}`);
          assert.equal(answer.text, '');
        }
      },
      'several topics in one ping': async (bench) => {
        const [left, right] = [await follower(bench), await follower(bench)];
        for (const { topic } of [left, right]) topic.version += 1;
        assert.equal((await bench.ping(left.topic, right.topic)).status, 204);
        for (const { topic, callback } of [left, right]) await callback.deliveryOf(topic.body());
      },
      'without hub.url': async (bench) => {
        const { status } = await bench.hub.post({ 'hub.mode': 'publish' });
        assert.ok(status >= 400 && status < 500, `the status is ${status}`);
      },
    },
  },
  {
    number: 28,
    text: 'Fetch by GET, follow redirects, If-None-Match and If-Modified-Since',
    parts: {
      'GET, and If-None-Match with the last ETag': async (bench) => {
        const { topic, callback } = await follower(bench);
        const body = await bench.publish(topic);
        await callback.deliveryOf(body);
        const etag = `"${topic.version}"`;
        const before = topic.requests.length;
        await bench.publish(topic);
        await callback.deliveryOf(topic.body());
        assert.deepEqual([...new Set(topic.requests.map(({ method }) => method))], ['GET']);
        assert.equal(topic.requests[before].headers['if-none-match'], etag);
      },
      'If-Modified-Since with the last Last-Modified': async (bench) => {
        const answer = (request, topic) => ({
          headers: {
            'Content-Type': 'text/plain',
            'Last-Modified': new Date(1_700_000_000_000 + 1_000 * topic.version).toUTCString(),
            Link: `<${bench.hub.link}>; rel="hub", <${topic.url}>; rel="self"`,
          },
          body: topic.body(),
        });
        const { topic, callback } = await follower(bench, { answer });
        await callback.deliveryOf(await bench.publish(topic));
        const modified = new Date(1_700_000_000_000 + 1_000 * topic.version).toUTCString();
        const before = topic.requests.length;
        await callback.deliveryOf(await bench.publish(topic));
        assert.equal(topic.requests[before].headers['if-modified-since'], modified);
      },
      '304 and unchanged content are not delivered': async (bench) => {
        const { topic, callback } = await follower(bench);
        const body = await bench.publish(topic);
        await callback.deliveryOf(body);
        for (let round = 0; round < 3; round += 1) await bench.accepted(topic);
        await bench.follow(topic, callback);
        assert.equal(callback.countOf(body), 1, 'unchanged content was delivered again');
      },
      'redirections are followed': async (bench) => {
        const target = bench.topic();
        const answer = () => ({ status: 302, headers: { Location: target.url } });
        const [topic, callback] = [bench.topic({ answer }), await bench.callback()];
        target.self = topic.url;
        await bench.subscribed(callback, topic);
        // The content is that of the target, and its versions too.
        topic.content = () => {
          target.version = topic.version;
          return target.body();
        };
        await bench.follow(topic, callback);
      },
    },
  },
  {
    number: 29,
    text: 'User-Agent: Name/version (+https://hub/; 26 subscribers), with the total incl. X-Hub-On-Behalf-Of',
    parts: {
      'the number of subscriptions': async (bench) => {
        const [topic, one, other] = [bench.topic(), await bench.callback(), await bench.callback()];
        await bench.subscribed(one, topic);
        await bench.subscribed(other, topic);
        await bench.follow(topic, one, other);
        const before = topic.requests.length;
        await one.deliveryOf(await bench.publish(topic));
        const agent = topic.requests[before].headers['user-agent'];
        assert.equal(countIn(agent), '2', `the User-Agent is ${agent}`);
      },
      'the readers that a subscriber reports': async (bench) => {
        const [topic, one, other] = [bench.topic(), await bench.callback(), await bench.callback()];
        one.deliver = () => ({ status: 204, headers: { 'X-Hub-On-Behalf-Of': '25' } });
        await bench.subscribed(one, topic);
        await bench.subscribed(other, topic);
        await bench.follow(topic, one, other);
        // The response with the number reaches the hub at an unknown time: two versions later it has.
        await bench.follow(topic, one, other);
        await bench.follow(topic, one, other);
        const agent = topic.requests.at(-1).headers['user-agent'];
        assert.equal(countIn(agent), '26', `the User-Agent is ${agent}`);
      },
    },
  },
  {
    number: 30,
    text: 'New entries, changed entries and changes of surrounding feed elements are significant',
    parts: {
      'each of the three is delivered': async (bench) => {
        const feed = { title: 'A feed', entries: [{ id: 'urn:1', text: 'one' }] };
        // Only the test changes the feed; `follow` needs versions, which are in the title.
        let suffix = (version) => ` ${version}`;
        const content = (version, { url }) => feedOf(bench, { ...feed, title: feed.title + suffix(version) }, url);
        const { topic, callback } = await follower(bench, { type: 'application/atom+xml', content, links: false });
        suffix = () => '';
        for (const change of [
          () => { feed.title = 'Another title'; },
          () => { feed.entries.unshift({ id: 'urn:2', text: 'two' }); },
          () => { feed.entries[1].text = 'one, changed'; },
        ]) {
          change();
          await callback.deliveryOf(await bench.publish(topic));
        }
      },
    },
  },
  {
    number: 31,
    text: 'atom:id reproduced exactly',
    parts: {
      'identifiers with odd characters': async (bench) => {
        const ids = ['tag:example.com,2026:A/%7e?x=1&amp;y=2#z', 'HTTP://Example.COM:80/a/../b', 'urn:uuid:%C3%A9&#233;é'];
        const content = (version, { url }) => feedOf(bench, {
          title: `A feed ${version}`, entries: ids.map((id) => ({ id, text: 'x' })),
        }, url);
        const { callback } = await follower(bench, { type: 'application/atom+xml', content, links: false });
        const text = callback.deliveries[0].body.toString();
        for (const id of ids) assert.ok(text.includes(`<id>${id}</id>`), `${id} is missing: ${text}`);
      },
    },
  },
];
