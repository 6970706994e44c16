// What subscriptions are, how they change, and how they end.

import assert from 'node:assert/strict';

import { accept, refuse } from '../../../lib/websub/callback.mjs';
import { isSignedWith } from '../../../lib/websub/signature.mjs';

/** Demands that the next version is signed with the secret. */
async function signs(bench, topic, callback, secret, what) {
  const body = await bench.publish(topic);
  const delivery = await callback.deliveryOf(body);
  assert.ok(isSignedWith(delivery, secret), `${what}: ${delivery.headers['x-hub-signature']}`);
}

export const STATE = [
  {
    number: 4,
    text: 'Allow re-subscribing; key = (topic, callback); new state replaces old only after verification; a failed'
      + ' verification leaves secret and lease unchanged',
    parts: {
      're-subscribing replaces the secret after the verification': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic, { 'hub.secret': 'old' });
        await bench.follow(topic, callback);
        await signs(bench, topic, callback, 'old', 'the first secret is not used');
        await bench.subscribed(callback, topic, { 'hub.secret': 'new' });
        const isNew = (request) => request.method === 'POST' && isSignedWith(request, 'new');
        const deadline = Date.now() + bench.patience;
        while (!callback.deliveries.some(isNew) && Date.now() < deadline) await bench.follow(topic, callback);
        assert.ok(callback.deliveries.some(isNew), 'the new secret is not used after the verification');
        const body = await bench.publish(topic);
        await callback.deliveryOf(body);
        await bench.follow(topic, callback);
        assert.equal(callback.countOf(body), 1, 'a second subscription was made for the same topic and callback');
      },
      'a failed verification leaves the secret': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic, { 'hub.secret': 'old' });
        await bench.follow(topic, callback);
        callback.verify = refuse;
        const mark = callback.mark();
        assert.equal((await bench.subscribe(callback, topic, { 'hub.secret': 'new' })).status, 202);
        await callback.get('subscribe', mark);
        for (let round = 0; round < 2; round += 1) {
          await signs(bench, topic, callback, 'old', 'the secret of a request that was not verified is used');
        }
      },
      'before the verification the old secret is used': async (bench) => {
        let respond;
        const responded = new Promise((resolve) => { respond = resolve; });
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic, { 'hub.secret': 'old' });
        await bench.follow(topic, callback);
        callback.verify = async () => {
          await responded;
          return refuse();
        };
        const mark = callback.mark();
        await bench.subscribe(callback, topic, { 'hub.secret': 'new' });
        await callback.get('subscribe', mark);
        await signs(bench, topic, callback, 'old', 'a secret is used before its verification').finally(respond);
      },
      'one callback may have several topics, and one topic several callbacks': async (bench) => {
        const [left, right] = [bench.topic(), bench.topic()];
        const [one, other] = [await bench.callback(), await bench.callback()];
        for (const callback of [one, other]) {
          await bench.subscribed(callback, left);
          await bench.subscribed(callback, right);
        }
        await bench.follow(left, one, other);
        await bench.follow(right, one, other);
        const body = await bench.publish(left);
        await Promise.all([one.deliveryOf(body), other.deliveryOf(body)]);
      },
    },
  },
  {
    number: 10,
    text: 'Enforce lease end; no perpetual lease',
    parts: {
      'every granted lease is a positive number': async (bench) => {
        const topic = bench.topic();
        for (const lease of [undefined, '', '60', '4000000000']) {
          const fields = lease === undefined ? {} : { 'hub.lease_seconds': lease };
          const { query } = await bench.subscribed(await bench.callback(), topic, fields);
          assert.match(query.get('hub.lease_seconds') ?? '', /^[1-9]\d*$/, `for a wish of ${lease}`);
        }
      },
      'after its lease a subscription gets nothing': async (bench, context) => {
        const [topic, callback, control] = [bench.topic(), await bench.callback(), await bench.callback()];
        await bench.subscribed(control, topic);
        await bench.follow(topic, control);
        const { query } = await bench.subscribed(callback, topic, { 'hub.lease_seconds': 1 });
        const granted = 1_000 * Number(query.get('hub.lease_seconds'));
        if (!bench.hub.hasShortLeases && granted > bench.patience) {
          context.diagnostic(`the hub grants ${granted / 1_000} s, which is too long to wait for its end`);
          return;
        }
        const problem = `a subscription is delivered to after its lease of ${granted} ms`;
        await bench.becomesSilent(topic, control, callback, problem, granted + bench.patience);
      },
    },
  },
  {
    number: 14,
    text: 'After giving up on one notification keep the subscription until its lease ends, and try again on the next update',
    parts: {
      'the next version is delivered': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic);
        await bench.follow(topic, callback);
        callback.deliver = () => ({ status: 500 });
        let mark = callback.mark();
        const failed = await bench.publish(topic);
        for (let attempt = 1; attempt <= bench.hub.tries; attempt += 1) {
          await callback.deliveryOf(failed, mark);
          mark = callback.mark();
        }
        callback.deliver = accept;
        await bench.follow(topic, callback);
      },
    },
  },
  {
    number: 19,
    text: 'MAY deny at any time',
    parts: {
      'a denial of an active subscription is one GET, and ends it': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        await bench.subscribed(callback, topic);
        await bench.follow(topic, callback);
        topic.hubs = ['https://another-hub.example/'];
        const mark = callback.mark();
        for (let round = 0; round < 5; round += 1) {
          const body = await bench.publish(topic);
          const first = await Promise.any([callback.deliveryOf(body, mark), callback.get('denied', mark)]);
          if (first.method === 'POST') continue;
          assert.equal(first.query.get('hub.topic'), topic.url);
          return;
        }
      },
    },
  },
  {
    number: 22,
    text: 'Short leases (10 days is named)',
    parts: {
      'the lease without a wish is at most 30 days': async (bench) => {
        const { query } = await bench.subscribed(await bench.callback(), bench.topic());
        const days = Number(query.get('hub.lease_seconds')) / 86_400;
        assert.ok(days > 0 && days <= 30, `the lease is ${days} days`);
        if (bench.hub.isOurs) assert.equal(days, 10);
      },
    },
  },
  {
    number: 33,
    text: '"Same callback with different secrets is an error" binds only hubs that aggregate',
    parts: {
      'one callback, two topics, two secrets': async (bench) => {
        const [left, right, callback] = [bench.topic(), bench.topic(), await bench.callback()];
        await bench.subscribed(callback, left, { 'hub.secret': 'left' });
        await bench.subscribed(callback, right, { 'hub.secret': 'right' });
        await bench.follow(left, callback);
        await bench.follow(right, callback);
        await signs(bench, left, callback, 'left', 'the wrong secret');
        await signs(bench, right, callback, 'right', 'the wrong secret');
      },
    },
  },
];
