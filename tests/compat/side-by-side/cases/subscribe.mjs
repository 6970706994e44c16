// Subscribe and unsubscribe: parameters, errors, their order, and what is echoed.

import { answersInstead, rearranged } from '../differences.mjs';
import { collect, newSession, post, publish, session } from '../harness/steps.mjs';

const verbs = ['subscribe', 'unsubscribe'];
const message = (verb, extra) => ({ channel: `/meta/${verb}`, clientId: '{{alice}}', subscription: '/foo', ...extra });
const without = (verb, ...keys) => {
  const stripped = message(verb);
  for (const key of keys) delete stripped[key];
  return stripped;
};
const one = (name, text, differs) => ({ name, steps: [session('alice'), post([text])], differs });

const subscriptions = [
  '/foo', '/foo/*', '/**', ['/foo'], ['/foo', '/bar/*'], [], ['/foo', '/foo'], '', null, false, 0, 5, 1.5, true, {},
  { id: 1 }, [5], [true], [{}], ['/foo', 5], ['foo'], 'foo', ['/ok', 'bad', '/never'], ['bad', '/meta/x'],
  ['/meta/x', 'bad'], '/meta', '/meta/', '/meta/*', '/meta/**', '/meta/connect', '/metafoo', '/META/x',
  ['/ok', '/meta/x'],
];
const clientIds = ['nope', '', null, 0, false, 5, true, {}, [], '__proto__', 'é'];

function forVerb(verb) {
  const at = (name) => `${verb} ${name}`;
  return [
    one(at('plain'), message(verb)),
    one(at('with an id'), message(verb, { id: '3' })),
    one(at('with unknown fields'), message(verb, { ext: { a: 1 }, data: 1, other: 2, advice: { timeout: 0 } })),
    one(at('with a field error'), message(verb, { id: '3', error: 'no' })),
    one(at('with a field error and an unknown client'), message(verb, { clientId: 'nope', error: 'no' })),
    one(at('with a field error and a bad channel'), message(verb, { subscription: 'bad', error: 'no' })),
    one(at('without client id'), without(verb, 'clientId')),
    one(at('without subscription'), without(verb, 'subscription')),
    one(at('without both'), without(verb, 'clientId', 'subscription')),
    one(at('unknown client and no subscription'), { channel: `/meta/${verb}`, clientId: 'nope' }),
    one(at('unknown client and a bad channel'), message(verb, { clientId: 'nope', subscription: 'bad' })),
    one(at('no client and a bad channel'), { ...without(verb, 'clientId'), subscription: 'bad' }),
    one(at('unknown client and an array'), message(verb, { clientId: 'nope', subscription: ['/a', '/b'] })),
    ...subscriptions.map((subscription) =>
      one(at(JSON.stringify(subscription)), message(verb, { subscription, id: '1' }))),
    ...clientIds.map((clientId) => one(at(`by client ${JSON.stringify(clientId)}`), message(verb, { clientId }))),
    ...['/service', '/service/x', '/service/*', '/service/**'].map((subscription) => one(at(subscription),
      message(verb, { subscription }),
      { id: 'D7', ours: [[
        `"successful":false,"subscription":"${subscription}","error":"403:${subscription}:Forbidden channel"`,
        `"successful":true,"subscription":"${subscription}"`,
      ]] })),
    one(at('a service channel among others'), message(verb, { subscription: ['/a', '/service/x', '/b'] }),
      { id: 'D7', ours: [[
        '"successful":false,"subscription":["/a","/service/x","/b"],"error":"403:/service/x:Forbidden channel"',
        '"successful":true,"subscription":["/a","/service/x","/b"]',
      ]] }),
    one(at('/servicefoo'), message(verb, { subscription: '/servicefoo' })),
    one(at('a nested array'), message(verb, { subscription: [['/foo']] }),
      { id: 'D10', ours: answersInstead(0, `[{"clientId":"<id 1>","channel":"/meta/${verb}","successful":false,`
        + '"subscription":[["/foo"]],"error":"405:/foo:Invalid channel"}]') }),
    one(at('a nested array beside a good channel'), message(verb, { subscription: ['/good', ['/foo']] }),
      { id: 'D10', ours: answersInstead(0, `[{"clientId":"<id 1>","channel":"/meta/${verb}","successful":false,`
        + '"subscription":["/good",["/foo"]],"error":"405:/foo:Invalid channel"}]') }),
  ];
}

export const cases = [
  ...verbs.flatMap(forVerb),
  {
    name: 'a session that never connected may subscribe',
    steps: [newSession('alice'), post([message('subscribe')]), publish('/foo'), collect('alice')],
  },
  {
    name: 'the channels before a bad one stay subscribed',
    steps: [session('alice'), post([message('subscribe', { subscription: ['/kept', 'bad', '/never'] })]),
      publish('/never'), publish('/kept'), collect('alice')],
  },
  {
    name: 'the channels before a forbidden one stay subscribed',
    steps: [session('alice'), post([message('subscribe', { subscription: ['/kept', '/meta/x', '/never'] })]),
      publish('/never'), publish('/kept'), collect('alice')],
  },
  {
    name: 'the channels before a bad one are unsubscribed',
    steps: [session('alice', '/gone', '/kept'), post([message('unsubscribe', { subscription: ['/gone', 'bad', '/kept'] })]),
      publish('/gone'), publish('/kept'), collect('alice')],
  },
  {
    name: 'a number among the channels is invalid and the ones before it stay',
    steps: [session('alice'), post([message('subscribe', { subscription: ['/kept', 5, '/never'] })]),
      publish('/never'), publish('/kept'), collect('alice')],
  },
  {
    name: 'subscribing twice delivers once',
    steps: [session('alice', '/foo'), post([message('subscribe')]), publish('/foo'), collect('alice')],
  },
  {
    name: 'unsubscribing once ends two subscriptions',
    steps: [session('alice', '/foo', '/foo'), post([message('unsubscribe')]), publish('/foo'), collect('alice')],
  },
  {
    name: 'a pattern is only unsubscribed by itself',
    steps: [session('alice', '/foo/*', '/foo/**'), post([message('unsubscribe', { subscription: '/foo/a' })]),
      post([message('unsubscribe', { subscription: '/foo/**' })]), publish('/foo/a'), publish('/foo/a/b'),
      collect('alice')],
  },
  {
    name: 'unsubscribing what was never subscribed',
    steps: [session('alice'), post([message('unsubscribe', { subscription: '/never' })])],
  },
  {
    name: 'subscribing to a service channel does nothing',
    steps: [session('alice', '/kept'), post([message('subscribe', { subscription: '/service/a' })]),
      publish('/service/a'), publish('/kept'), collect('alice')],
    differs: { id: 'D7', ours: [[
      '"successful":false,"subscription":"/service/a","error":"403:/service/a:Forbidden channel"',
      '"successful":true,"subscription":"/service/a"',
    ]] },
  },
  {
    name: 'another client may subscribe a session that it can name',
    steps: [session('alice'), session('bob'), post([message('subscribe', { subscription: '/by-bob' })]),
      publish('/by-bob'), collect('bob'), collect('alice')],
  },
  {
    name: 'a nested array does not undo the rest of the batch',
    steps: [session('alice'), post([message('subscribe', { subscription: '/first', id: '1' }),
      message('subscribe', { subscription: [['/x']], id: '2' }), message('subscribe', { subscription: '/last', id: '3' })]),
    publish('/first'), publish('/last'), collect('alice')],
    differs: {
      id: 'D10',
      ours: (observations) => {
        const reply = (id, subscription, rest) =>
          `{"id":"${id}","clientId":"<id 1>","channel":"/meta/subscribe","successful":${rest ? 'false' : 'true'},`
          + `"subscription":${subscription}${rest ?? ''}}`;
        const [, collected] = observations;
        const answered = answersInstead(0, `[${reply('1', '"/first"')},`
          + `${reply('2', '[["/x"]]', ',"error":"405:/x:Invalid channel"')},${reply('3', '"/last"')}]`)(observations);
        return rearranged(0, {
          ...collected,
          body: collected.body.replace(/\]$/, ',{"channel":"/last","data":"/last"}]'),
        })(answered);
      },
    },
  },
];
