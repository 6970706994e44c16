// Requests to the hub and its responses to them.

import assert from 'node:assert/strict';

import { refuse } from '../../../lib/websub/callback.mjs';

const isSuccess = ({ status }) => status >= 200 && status < 300;
const isClientError = ({ status }) => status >= 400 && status < 500;

async function plainTextNames(bench, fields, name) {
  const answer = await bench.hub.post(fields);
  assert.ok(isClientError(answer), `the status is ${answer.status}, not 4xx`);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain\b/);
  assert.ok(answer.text.includes(name), `the text does not name ${name}: ${answer.text}`);
}

export const REQUESTS = [
  {
    number: 1,
    text: 'Accept hub.callback, hub.mode, hub.topic and hub.secret; support unsubscribe',
    parts: {
      'a subscription with a secret is accepted, verified and delivered to': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic, { 'hub.secret': 'a secret' });
        await bench.follow(topic, callback);
      },
      'a verified unsubscribe ends the deliveries': async (bench) => {
        const [topic, callback, control] = [bench.topic(), await bench.callback(), await bench.callback()];
        await bench.subscribed(callback, topic);
        await bench.subscribed(control, topic);
        await bench.follow(topic, callback, control);
        const mark = callback.mark();
        assert.equal((await bench.unsubscribe(callback, topic)).status, 202);
        const { query } = await callback.get('unsubscribe', mark);
        assert.equal(query.get('hub.topic'), topic.url);
        assert.ok(query.get('hub.challenge'));
        await bench.becomesSilent(topic, control, callback, 'a callback is delivered to after its unsubscribe');
      },
      'an unsubscribe that the callback refuses changes nothing': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic);
        await bench.follow(topic, callback);
        callback.verify = refuse;
        const mark = callback.mark();
        await bench.unsubscribe(callback, topic);
        await callback.get('unsubscribe', mark);
        await bench.follow(topic, callback);
      },
    },
  },
  {
    number: 2,
    text: 'Ignore unknown parameters; ignore hub.lease_seconds on unsubscribe',
    parts: {
      'unknown parameters with and without the prefix': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic, { 'hub.unknown': 'x', foo: 'bar', 'hub.': '', 'other.mode': 'y' });
        await bench.follow(topic, callback);
      },
      'hub.lease_seconds of an unsubscribe, also if it is no number': async (bench) => {
        for (const lease of ['600', 'forever']) {
          const [topic, callback] = [bench.topic(), await bench.callback()];
          await bench.subscribed(callback, topic);
          await bench.follow(topic, callback);
          const mark = callback.mark();
          const answer = await bench.unsubscribe(callback, topic, { 'hub.lease_seconds': lease });
          assert.equal(answer.status, 202, answer.text);
          await callback.get('unsubscribe', mark);
        }
      },
    },
  },
  {
    number: 3,
    text: 'Decode percent-encoded unreserved characters in topic and callback before use',
    parts: {
      'one topic in two spellings': async (bench) => {
        const [topic, callback] = [bench.topic({ name: 'a~b-c' }), await bench.callback()];
        const spelt = { url: topic.url.replace('a~b-c', '%61%7Eb%2dc') };
        await bench.subscribed(callback, spelt);
        await bench.follow(topic, callback);
      },
      'one callback in two spellings is one subscription': async (bench) => {
        const topic = bench.topic();
        const callback = await bench.callback({ path: '/callback/~me' });
        const control = await bench.callback();
        const spelt = { ...callback, url: callback.url.replace('~me', '%7Eme'), mark: () => callback.mark() };
        // A request with either spelling reaches the callback: `~` and `%7E` are the same path.
        const alias = await bench.callback({ path: '/callback/%7Eme' });
        const requests = () => [...callback.requests, ...alias.requests];
        await bench.subscribed(control, topic);
        for (const one of [callback, spelt]) {
          const before = requests().length;
          assert.equal((await bench.subscribe(one, topic)).status, 202);
          const mark = control.mark();
          if (requests().length === before) {
            await Promise.any([callback.get('subscribe', mark), alias.get('subscribe', mark)]);
          }
        }
        await bench.follow(topic, control);
        for (let round = 0; round < 2; round += 1) {
          const body = await bench.publish(topic);
          await control.deliveryOf(body);
          await Promise.any([callback.deliveryOf(body), alias.deliveryOf(body)]);
        }
        const last = topic.body(topic.version - 1);
        assert.equal(callback.countOf(last) + alias.countOf(last), 1, 'one version was delivered to both spellings');
      },
    },
  },
  {
    number: 5,
    text: '202 when able to handle, otherwise 4xx or 5xx; the answer does not depend on verification or validation',
    parts: {
      'the answer comes before the callback answers the verification': async (bench) => {
        let respond;
        const responded = new Promise((resolve) => { respond = resolve; });
        const [topic, callback] = [bench.topic(), await bench.callback()];
        callback.verify = async () => {
          await responded;
          return refuse();
        };
        // A hub that verifies first waits for this callback, which waits for the answer.
        const late = { status: 'no answer', text: 'the hub verifies before it answers' };
        const answer = await bench.within(bench.subscribe(callback, topic), late);
        respond();
        assert.equal(answer.status, 202, answer.text);
        await callback.get('subscribe');
      },
      '202 also for a callback that refuses and for a topic that is not there': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback({ verify: refuse })];
        assert.equal((await bench.subscribe(callback, topic)).status, 202);
        assert.equal((await bench.subscribe(callback, { url: `${topic.url}/missing` })).status, 202);
      },
      '4xx for requests that are not understood': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const good = { 'hub.mode': 'subscribe', 'hub.callback': callback.url, 'hub.topic': topic.url };
        for (const wrong of [
          { 'hub.mode': 'subscribe' },
          { ...good, 'hub.mode': 'nonsense' },
          { ...good, 'hub.callback': '' },
          { ...good, 'hub.callback': 'no url' },
          { ...good, 'hub.topic': '/no/url' },
          { 'hub.callback': callback.url, 'hub.topic': topic.url },
        ]) {
          const answer = await bench.hub.post(wrong);
          assert.ok(isClientError(answer), `${JSON.stringify(wrong)} got ${answer.status}`);
        }
        assert.deepEqual(callback.requests, []);
      },
    },
  },
  {
    number: 6,
    text: 'If 307 or 308 is used, send Location',
    parts: {
      'every answer so far, and one to each mode': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribe(callback, topic);
        await bench.unsubscribe(callback, topic);
        await bench.ping(topic);
        assert.ok(bench.hub.answers.length >= 3);
        for (const { status, headers } of bench.hub.answers) {
          assert.ok(status < 300 || status >= 400 || status === 307 || status === 308, `a redirection by ${status}`);
          if (status === 307 || status === 308) assert.ok(headers.get('location'), `${status} without Location`);
        }
      },
    },
  },
  {
    number: 17,
    text: 'Error body text/plain for the developer',
    parts: {
      'a missing hub.callback is named': (bench) => plainTextNames(bench,
        { 'hub.mode': 'subscribe', 'hub.topic': bench.topic().url }, 'hub.callback'),
      'a missing hub.topic is named': async (bench) => plainTextNames(bench,
        { 'hub.mode': 'subscribe', 'hub.callback': (await bench.callback()).url }, 'hub.topic'),
      'a wrong hub.mode is named': (bench) => plainTextNames(bench, { 'hub.mode': 'nonsense' }, 'hub.mode'),
    },
  },
  {
    number: 18,
    text: 'MAY reject by policy',
    parts: {
      'what is rejected is rejected with 4xx and a text, or with a denial': async (bench) => {
        const callback = await bench.callback();
        for (const url of ['ftp://127.0.0.1/feed', 'mailto:me@example.com', 'file:///etc/hostname']) {
          const mark = callback.mark();
          const answer = await bench.subscribe(callback, { url });
          if (isClientError(answer)) assert.notEqual(answer.text, '', `${url}: ${answer.status} without a text`);
          else assert.equal((await callback.getAny(['denied', 'subscribe'], mark)).query.get('hub.topic'), url);
        }
      },
    },
  },
  {
    number: 24,
    text: 'Same URL for publishing and subscribing',
    parts: {
      'each mode is understood at the URL of the hub': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic);
        await bench.follow(topic, callback);
        assert.ok(isSuccess(await bench.unsubscribe(callback, topic)));
      },
    },
  },
];
