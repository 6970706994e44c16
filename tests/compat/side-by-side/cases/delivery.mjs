// Which subscription is sent which publication: every pattern against every name, over polling and over a socket.

import { atOnce, collect, connectMessage, post, publish, session } from '../harness/steps.mjs';
import { drain, receive, send, socket } from '../harness/stream-steps.mjs';

const names = ['/foo', '/bar', '/foo/bar', '/foo/foo', '/bar/foo', '/foo/bar/qux', '/foo/bar/qux/x', '/foo/bar/qux/x/y',
  '/Foo', '/fooo', '/foo/barr', '/a/b/c/d/e/f/g'];
const patterns = ['/**', '/*', '/foo', '/foo/*', '/foo/**', '/foo/bar', '/foo/bar/*', '/foo/bar/**', '/foo/bar/qux',
  '/foo/bar/qux/*', '/foo/bar/qux/**', '/bar/**', '/bar/*', '/Foo/**', '/fo/**', '/a/b/c/**', '/a/b/c/d/e/f/*'];
const sets = [['/**', '/foo', '/foo/**'], ['/*', '/foo/*'], ['/foo/*', '/foo/**', '/foo/bar']];

// The last publication is one that every session hears: when it has come, nothing else will.
const sentinel = '/last';
const publications = [...names, sentinel].map((channel) => ({ channel, data: channel }));

function overSocket(subscriptions) {
  return {
    name: `${subscriptions.join(' ')} over WebSocket`,
    steps: [session('alice', sentinel, ...subscriptions), socket('ws'), send('ws', [connectMessage('alice', atOnce)]),
      receive('ws'), post(publications), untilSentinel('ws'), drain('ws')],
  };
}

// Frames up to the one that carries the last publication.
const untilSentinel = (name) => async (context) => {
  for (;;) {
    await receive(name)(context);
    if (context.observations.at(-1).text?.includes(`"data":"${sentinel}"`)) return;
  }
};

const overPolling = (subscriptions) => ({
  name: `${subscriptions.join(' ')} over polling`,
  steps: [session('alice', sentinel, ...subscriptions), post(publications), collect('alice')],
});

const all = [...patterns.map((pattern) => [pattern]), ...sets];

const serviceBroadcasts = ',{"channel":"/service/x","data":"/service/x"},{"channel":"/service/x/y","data":"/service/x/y"}';

export const cases = [
  ...all.map(overPolling),
  ...all.map(overSocket),
  {
    name: '/** is not sent what is published to /service/x',
    steps: [session('alice', '/**'), publish('/service/x'), publish('/service/x/y'), publish('/last'), collect('alice')],
    differs: { id: 'D7', ours: [[serviceBroadcasts, '']] },
  },
  {
    name: '/* is not sent what is published to /service',
    steps: [session('alice', '/*'), publish('/service'), publish('/last'), collect('alice')],
    differs: { id: 'D7', ours: [[',{"channel":"/service","data":"/service"}', '']] },
  },
  {
    name: '/** is sent nothing of the meta channels',
    steps: [session('alice', '/**'), session('bob', '/x'), post([{ channel: '/meta/x', data: 1 }]), publish('/last'),
      collect('alice')],
  },
  ...['__proto__', 'constructor', 'hasOwnProperty', 'toString'].map((word) => ({
    name: `a channel called /${word}`,
    steps: [session('alice', `/${word}`, '/kept'), publish(`/${word}`), publish('/kept'), collect('alice'),
      post([{ channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription: `/${word}` }]),
      publish(`/${word}`), publish('/kept'), collect('alice')],
  })),
];
