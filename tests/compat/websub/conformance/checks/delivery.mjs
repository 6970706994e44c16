// Deliveries: what is sent, and what counts as success.

import assert from 'node:assert/strict';

import { accept } from '../../../lib/websub/callback.mjs';
import { parseLinks } from '../../../lib/websub/links.mjs';
import { isSignedWith, METHODS, methodOf } from '../../../lib/websub/signature.mjs';

const OTHER_HUB = 'https://another-hub.example/hub';
/** Larger than the buffers that hubs use, and no text. */
const LARGE_BYTES = 300_000;

async function follower(bench, topicOptions, callbackOptions, fields) {
  const [topic, callback] = [bench.topic(topicOptions), await bench.callback(callbackOptions)];
  await bench.subscribed(callback, topic, fields);
  await bench.follow(topic, callback);
  return { topic, callback };
}

/** Demands that the Link headers of the next delivery are what the topic names. */
async function deliversLinks(bench, topic, callback, hubs, self) {
  const delivery = await callback.deliveryOf(await bench.publish(topic));
  const links = parseLinks(delivery);
  const selfs = links.filter(({ rel }) => rel === 'self').map(({ url }) => url);
  const named = links.filter(({ rel }) => rel === 'hub').map(({ url }) => url);
  assert.deepEqual(selfs, [self], `rel=self is not what the topic names: ${delivery.headers.link}`);
  assert.ok(named.length >= 1, `there is no rel=hub: ${delivery.headers.link}`);
  for (const url of named) assert.ok(hubs.includes(url), `rel=hub is not what the topic names: ${delivery.headers.link}`);
}

export const DELIVERY = [
  {
    number: 11,
    text: 'Delivery: POST to the exact callback; non-empty payload; Content-Type of the topic; full contents',
    parts: {
      'the URL of the callback with its query': async (bench) => {
        const query = '?b=2&a=1&a=%20x+y%2F&hub.topic=mine&empty=&novalue';
        const { topic, callback } = await follower(bench, {}, { query });
        const { target } = await callback.deliveryOf(await bench.publish(topic));
        assert.equal(target, callback.target);
      },
      'the Content-Type, byte for byte': async (bench) => {
        for (const type of ['application/atom+xml; charset="UTF-8"; x=Y', 'text/html;charset=iso-8859-1', 'application/x-odd']) {
          const { topic, callback } = await follower(bench, { type });
          const { headers } = await callback.deliveryOf(await bench.publish(topic));
          assert.equal(headers['content-type'], type, 'the Content-Type is not that of the topic');
        }
      },
      'the content, byte for byte': async (bench) => {
        const content = (version) => Buffer.alloc(LARGE_BYTES, Buffer.from([version & 255, 0, 255, 13, 10, 195, 40]));
        const [topic, callback] = [bench.topic({ type: 'application/octet-stream', content }), await bench.callback()];
        await bench.subscribed(callback, topic);
        const deadline = Date.now() + bench.patience;
        // The content of any delivery, because a truncated one never equals that of a version.
        while (callback.deliveries.length === 0 && Date.now() < deadline) {
          await bench.publish(topic);
          await callback.delivery('anything', () => true, 0, 200).catch(() => {});
        }
        const { body } = await callback.delivery('anything');
        assert.equal(body.length, LARGE_BYTES, `${body.length} bytes of ${LARGE_BYTES} were delivered`);
        assert.ok([...Array(topic.version + 1).keys()].some((version) => topic.body(version).equals(body)), 'other bytes');
      },
      'a compressed topic arrives as its content': async (bench) => {
        const { gzipSync } = await import('node:zlib');
        const answer = (request, topic) => {
          if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return null;
          const Link = `<${bench.hub.link}>; rel="hub", <${topic.url}>; rel="self"`;
          return { headers: { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip', Link }, body: gzipSync(topic.body()) };
        };
        const { callback } = await follower(bench, { answer });
        assert.equal(callback.deliveries[0].headers['content-encoding'] ?? 'identity', 'identity');
      },
    },
  },
  {
    number: 12,
    text: 'At least one Link rel=hub and exactly one rel=self, both as found by discovery on the topic',
    parts: {
      'of Link headers': async (bench) => {
        const { topic, callback } = await follower(bench, { hubs: [OTHER_HUB, bench.hub.link] });
        await deliversLinks(bench, topic, callback, topic.hubs, topic.url);
      },
      'of links in a feed': async (bench) => {
        const content = (version, { url }) => `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><id>x</id>`
          + `<title>t</title><link rel="hub" href="${bench.hub.link}"/><link rel="self" href="${url}"/>`
          + `<entry><id>${version}</id><title>${version}</title></entry></feed>`;
        const { topic, callback } = await follower(bench, { type: 'application/atom+xml', links: false, content });
        await deliversLinks(bench, topic, callback, [bench.hub.link], topic.url);
      },
      'of links in a page': async (bench) => {
        const content = (version, { url }) => `<!doctype html><html><head><link rel="hub" href="${bench.hub.link}">`
          + `<link rel="self" href="${url}"></head><body>${version}</body></html>`;
        const { topic, callback } = await follower(bench, { type: 'text/html', links: false, content });
        await deliversLinks(bench, topic, callback, [bench.hub.link], topic.url);
      },
      'of a topic with another hub and another canonical URL, where any topic is accepted': async (bench, context) => {
        if (!bench.hub.isOpen) {
          context.diagnostic('the hub accepts only topics that name it');
          return;
        }
        const { topic, callback } = await follower(bench, { hubs: [OTHER_HUB], self: 'https://canonical.example/feed?a=b' });
        await deliversLinks(bench, topic, callback, [OTHER_HUB], topic.self);
      },
    },
  },
  {
    number: 13,
    text: 'Only 2xx is success; redirects are failures; ignore the response body; 410 MAY end the subscription',
    parts: {
      'a redirection is not followed, and the delivery is tried again': async (bench) => {
        const { topic, callback } = await follower(bench, {}, {});
        const elsewhere = await bench.callback();
        for (const status of [301, 302, 307, 308]) {
          let isFirst = true;
          callback.deliver = () => {
            const answer = isFirst ? { status, headers: { Location: elsewhere.url } } : accept();
            isFirst = false;
            return answer;
          };
          let mark = callback.mark();
          const body = await bench.publish(topic);
          await callback.deliveryOf(body, mark);
          if (elsewhere.requests.length === 0 && bench.hub.tries > 1) {
            mark = callback.mark();
            await Promise.any([callback.deliveryOf(body, mark), elsewhere.request()]);
          }
          await bench.follow(topic, callback);
          assert.equal(elsewhere.requests.length, 0, `a redirection of a delivery by ${status} was followed`);
        }
      },
      'any 2xx with any body is success': async (bench) => {
        const { topic, callback } = await follower(bench, {}, {});
        for (const answer of [{ status: 200, body: 'x'.repeat(200_000) }, { status: 201, body: '<error/>' }, { status: 202 },
          { status: 204 }, { status: 299, body: 'failed' }]) {
          callback.deliver = () => answer;
          const body = await bench.publish(topic);
          await callback.deliveryOf(body);
          await bench.follow(topic, callback);
          assert.equal(callback.countOf(body), 1, `after ${answer.status} the delivery was repeated`);
        }
      },
      '410': async (bench) => {
        const { topic, callback } = await follower(bench, {}, {});
        const control = await bench.callback();
        await bench.subscribed(control, topic);
        await bench.follow(topic, callback, control);
        callback.deliver = () => ({ status: 410 });
        await callback.deliveryOf(await bench.publish(topic));
        callback.deliver = accept;
        if (bench.hub.isOurs) await bench.becomesSilent(topic, control, callback, 'a callback is delivered to after 410');
        else await control.deliveryOf(await bench.publish(topic));
      },
    },
  },
  {
    number: 15,
    text: 'Secret given: X-Hub-Signature: method=hex(HMAC(secret, body)) with sha1, sha256, sha384 or sha512',
    parts: {
      'with a secret': async (bench) => {
        for (const secret of ['s', 'pässwörd & + %41', 'x'.repeat(199)]) {
          const { topic, callback } = await follower(bench, {}, {}, { 'hub.secret': secret });
          const delivery = await callback.deliveryOf(await bench.publish(topic));
          assert.ok(METHODS.includes(methodOf(delivery)), `the form is wrong: ${delivery.headers['x-hub-signature']}`);
          assert.ok(isSignedWith(delivery, secret), 'the signature is wrong');
        }
      },
      'without a secret there is no signature': async (bench) => {
        const { topic, callback } = await follower(bench, {}, {});
        const { headers } = await callback.deliveryOf(await bench.publish(topic));
        assert.equal(headers['x-hub-signature'], undefined, 'a delivery is signed without a secret');
      },
    },
  },
  {
    number: 20,
    text: 'Combine Link headers into one field',
    parts: {
      'one field': async (bench) => {
        const { topic, callback } = await follower(bench, { hubs: [bench.hub.link, OTHER_HUB] });
        const { rawHeaders } = await callback.deliveryOf(await bench.publish(topic));
        const fields = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'link');
        assert.equal(fields.length, 1);
      },
    },
  },
  {
    number: 21,
    text: 'Retry within own limits',
    parts: {
      'a failed delivery is repeated': async (bench) => {
        const { topic, callback } = await follower(bench, {}, {});
        let isFirst = true;
        callback.deliver = () => {
          const answer = isFirst ? { status: 503 } : accept();
          isFirst = false;
          return answer;
        };
        const body = await bench.publish(topic);
        await callback.deliveryOf(body);
        await callback.deliveryOf(body, callback.mark());
      },
    },
  },
];
