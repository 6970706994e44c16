// Verification of intent, denial, and PubSubHubbub 0.3's hub.verify.

import assert from 'node:assert/strict';

import { confirm, refuse } from '../../../lib/websub/callback.mjs';

/** Long enough for a check in its last tenth, also on a slow machine. */
const RECHECKED_LEASE_SECONDS = 10;

const challengeOf = (request) => request.query.getAll('hub.challenge').at(-1);
const replies = (body) => (request) => ({ status: 200, body: body(challengeOf(request)) });

/** Demands that a callback that answers a verification so does not become active. */
const doesNotConfirm = (verify) => async (bench) => {
  await bench.staysInactive(await bench.callback({ verify }), bench.topic());
};

export const VERIFICATION = [
  {
    number: 7,
    text: 'Accepted: verify intent; denied: inform the callback by GET hub.mode=denied + hub.topic [+ hub.reason]',
    parts: {
      'accepted': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const { query } = await bench.subscribed(callback, topic);
        assert.equal(query.get('hub.topic'), topic.url);
      },
      'denied, where topics must name the hub': async (bench) => {
        const hub = await bench.hub.strict();
        const topic = bench.topic({ hubs: ['https://another-hub.example/'] });
        const callback = await bench.callback({ query: '?a=b' });
        const answer = await hub.post({ 'hub.mode': 'subscribe', 'hub.callback': callback.url, 'hub.topic': topic.url });
        if (answer.status >= 400 && answer.status < 500) return;
        assert.equal(answer.status, 202, answer.text);
        const modes = hub === bench.hub ? ['denied', 'subscribe'] : ['denied'];
        const { query, target } = await callback.getAny(modes);
        assert.ok(target.startsWith(`${callback.target}&`), target);
        assert.equal(query.get('hub.topic'), topic.url);
        if (query.get('hub.mode') === 'denied') assert.equal(query.get('hub.challenge'), null);
      },
    },
  },
  {
    number: 8,
    text: 'Verification GET = callback URL + (? or &) + hub.mode, hub.topic, hub.challenge, and hub.lease_seconds for'
      + ' subscribe; the existing query stays first and untouched, and no parameter is overwritten',
    parts: {
      'a callback without a query': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const { target, query } = await bench.subscribed(callback, topic);
        assert.ok(target.startsWith(`${callback.path}?`), target);
        assert.equal(query.get('hub.mode'), 'subscribe');
        assert.equal(query.get('hub.topic'), topic.url);
        assert.ok(query.get('hub.challenge'));
        assert.match(query.get('hub.lease_seconds') ?? '', /^[1-9]\d*$/);
      },
      'a callback with a query that has parameters of the same names': async (bench) => {
        const query = '?b=2&a=1&a=%20x+y&hub.mode=mine&hub.challenge=mine&hub.topic=mine&hub.lease_seconds=mine';
        const [topic, callback] = [bench.topic(), await bench.callback({ query })];
        const request = await bench.subscribed(callback, topic);
        assert.ok(request.target.startsWith(`${callback.target}&`), `the query of the callback changed: ${request.target}`);
        for (const name of ['hub.mode', 'hub.challenge', 'hub.topic', 'hub.lease_seconds']) {
          const values = request.query.getAll(name);
          assert.equal(values.length, 2, `${name} occurs ${values.length} times: ${request.target}`);
          assert.equal(values[0], 'mine');
          assert.notEqual(values[1], 'mine');
        }
      },
      'an unsubscribe': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback({ query: '?x=%7E' })];
        await bench.subscribed(callback, topic);
        await bench.follow(topic, callback);
        const mark = callback.mark();
        await bench.unsubscribe(callback, topic);
        const { target, query } = await callback.get('unsubscribe', mark);
        assert.ok(/^\?x=(%7E|~)&/.test(target.slice(callback.path.length)), target);
        assert.equal(query.get('hub.topic'), topic.url);
        assert.ok(query.get('hub.challenge'));
      },
      'a topic with a query arrives as it is': async (bench) => {
        const [topic, callback] = [bench.topic({ suffix: '?method=getFeed&n=%26' }), await bench.callback()];
        assert.equal((await bench.subscribed(callback, topic)).query.get('hub.topic'), topic.url);
      },
    },
  },
  {
    number: 9,
    text: '3xx, 4xx, 5xx, or 2xx with another body = not verified',
    parts: {
      'a redirection to a place that would confirm': async (bench) => {
        const [topic, elsewhere] = [bench.topic(), await bench.callback()];
        const callback = await bench.callback({
          verify: (request) => ({ status: 302, headers: { Location: elsewhere.path + request.target.slice(request.path.length) } }),
        });
        await bench.staysInactive(callback, topic);
        assert.equal(elsewhere.requests.length, 0, 'the redirection of a verification was followed');
      },
      '404 with the challenge': doesNotConfirm((request) => ({ ...confirm(request), status: 404 })),
      '500 with the challenge': doesNotConfirm((request) => ({ ...confirm(request), status: 500 })),
      'an empty body': doesNotConfirm(replies(() => '')),
      'another body': doesNotConfirm(replies(() => 'OK')),
      'the challenge and a newline': doesNotConfirm(replies((challenge) => `${challenge}\n`)),
      'blanks and the challenge': doesNotConfirm(replies((challenge) => `  ${challenge}`)),
      'more after the challenge': doesNotConfirm(replies((challenge) => `${challenge}x`)),
      'the beginning of the challenge': doesNotConfirm(replies((challenge) => challenge.slice(0, -1))),
      'the challenge in other letters': doesNotConfirm(replies((challenge) => {
        const [upper, lower] = [challenge.toUpperCase(), challenge.toLowerCase()];
        return upper === challenge ? `${lower}.` : upper;
      })),
    },
  },
  {
    number: 16,
    text: 'Verify and validate as soon as possible',
    parts: {
      'a verification needs no further request': async (bench) => {
        await bench.subscribed(await bench.callback(), bench.topic());
      },
    },
  },
  {
    number: 23,
    text: 'Random single-use challenge',
    parts: {
      'each verification has another one of at least 128 bits': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const seen = [];
        for (const mode of ['subscribe', 'subscribe', 'unsubscribe', 'subscribe']) {
          const mark = callback.mark();
          await bench.ask(mode, callback, topic);
          seen.push(challengeOf(await callback.get(mode, mark)));
          if (mode === 'subscribe') await bench.follow(topic, callback);
        }
        assert.equal(new Set(seen).size, seen.length, `a challenge was used twice: ${seen}`);
        for (const challenge of seen) assert.ok(challenge.length >= 22, `${challenge} is short`);
      },
    },
  },
  {
    number: 25,
    text: 'hub.verify (sync, async, repeatable, in order of preference) and hub.verify_token',
    parts: {
      'sync: the callback is asked before the answer, with the token': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const answer = await bench.subscribe(callback, topic, { 'hub.verify': 'sync', 'hub.verify_token': 'to&ken é' });
        assert.equal(answer.status, 204, answer.text);
        assert.equal(callback.requests.length, 1, 'the callback was not asked before the answer');
        assert.equal(callback.requests[0].query.get('hub.verify_token'), 'to&ken é');
      },
      'async: 202, and the token': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const answer = await bench.subscribe(callback, topic, { 'hub.verify': 'async', 'hub.verify_token': 'token' });
        assert.equal(answer.status, 202, answer.text);
        assert.equal((await callback.get('subscribe')).query.get('hub.verify_token'), 'token');
      },
      'no token is sent if none was given': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        const request = await bench.subscribed(callback, topic, { 'hub.verify': 'async' });
        assert.equal(request.query.get('hub.verify_token'), null);
      },
      'repeated, in order of preference; unknown words are ignored': async (bench) => {
        for (const [words, status] of [[['sync', 'async'], 204], [['async', 'sync'], 202], [['later', 'sync'], 204]]) {
          const [topic, callback] = [bench.topic(), await bench.callback()];
          const answer = await bench.subscribe(callback, topic, { 'hub.verify': words });
          assert.equal(answer.status, status, `hub.verify=${words}: ${answer.text}`);
          await callback.get('subscribe');
        }
      },
      'no known word': async (bench) => {
        const answer = await bench.subscribe(await bench.callback(), bench.topic(), { 'hub.verify': 'later' });
        assert.equal(answer.status, 400, answer.text);
      },
    },
  },
  {
    number: 26,
    text: '204: verified and active; 202: pending',
    parts: {
      'after 204 the next ping delivers': async (bench) => {
        const [topic, callback] = [bench.topic(), await bench.callback()];
        assert.equal((await bench.subscribe(callback, topic, { 'hub.verify': 'sync' })).status, 204);
        await callback.deliveryOf(await bench.publish(topic));
      },
      'after 204 to an unsubscribe nothing is delivered': async (bench) => {
        const [topic, callback, control] = [bench.topic(), await bench.callback(), await bench.callback()];
        for (const one of [callback, control]) await bench.subscribe(one, topic, { 'hub.verify': 'sync' });
        await bench.follow(topic, callback, control);
        assert.equal((await bench.unsubscribe(callback, topic, { 'hub.verify': 'sync' })).status, 204);
        assert.deepEqual(await bench.sentAround(topic, control, callback), []);
      },
      'a refused verification is an error, and changes nothing': async (bench) => {
        const [topic, callback, control] = [bench.topic(), await bench.callback({ verify: refuse }), await bench.callback()];
        const answer = await bench.subscribe(callback, topic, { 'hub.verify': 'sync' });
        if (bench.hub.isOurs) assert.equal(answer.status, 409, answer.text);
        assert.ok(answer.status >= 400, `the status is ${answer.status}`);
        assert.equal((await bench.subscribe(control, topic, { 'hub.verify': 'sync' })).status, 204);
        assert.deepEqual(await bench.sentAround(topic, control, callback), []);
      },
    },
  },
  {
    number: 32,
    text: 'Before expiry re-check each subscription (GET with hub.mode=subscribe, same topic and token, new challenge);'
      + ' constant errors remove it',
    parts: {
      'a short lease is checked again, and ends if that is refused': async (bench, context) => {
        const topic = bench.topic();
        const [kept, ended, control] = [await bench.callback(), await bench.callback(), await bench.callback()];
        await bench.subscribe(control, topic, { 'hub.verify': 'sync' });
        const asked = { 'hub.verify': 'sync', 'hub.verify_token': 'the token', 'hub.lease_seconds': RECHECKED_LEASE_SECONDS };
        for (const callback of [kept, ended]) assert.equal((await bench.subscribe(callback, topic, asked)).status, 204);
        const first = await kept.get('subscribe');
        const granted = 1_000 * Number(first.query.get('hub.lease_seconds'));
        if (!bench.hub.hasShortLeases && granted > bench.patience) {
          context.diagnostic(`the hub grants ${granted / 1_000} s, which is too long to wait for its end`);
          return;
        }
        const end = Date.now() + granted;
        ended.verify = refuse;
        const mark = kept.mark();
        const second = await kept.get('subscribe', mark);
        await ended.get('subscribe', mark);
        assert.equal(second.query.get('hub.topic'), topic.url);
        assert.equal(second.query.get('hub.verify_token'), 'the token');
        assert.notEqual(challengeOf(second), challengeOf(first));
        await bench.becomesSilent(topic, control, ended, 'a subscription that was refused is delivered to');
        // After the end of the first lease only the confirmed one is left.
        await new Promise((resolve) => { setTimeout(resolve, end - Date.now()); });
        await bench.follow(topic, kept, control);
      },
    },
  },
];
