// Held connects: what wakes them, what a second one does to the first, and what waits between two of them.

import { longTimeoutSeconds } from '../harness/servers.mjs';
import {
  answer, atOnce, collect, connectMessage, handshakeMessage, held, newSession, post, publish, publishRaw, session, settle,
} from '../harness/steps.mjs';

const connect = (extra) => connectMessage('alice', extra);
const disconnect = { channel: '/meta/disconnect', clientId: '{{alice}}' };

export const concurrency = 8;

export const cases = [
  {
    name: 'a publication wakes a held connect',
    steps: [session('alice', '/wake'), held('connect', [connect({ id: '5' })]), publish('/wake'), answer('connect'),
      collect('alice')],
  },
  {
    name: 'two publications of one batch wake it together',
    steps: [session('alice', '/two'), held('connect', [connect()]),
      post([{ channel: '/two', data: 1 }, { channel: '/two', data: 2 }]), answer('connect')],
  },
  {
    name: 'its own publication on another connection wakes it',
    steps: [session('alice', '/own'), held('connect', [connect()]),
      post([{ channel: '/own', data: 1, clientId: '{{alice}}' }]), answer('connect')],
  },
  {
    name: 'a publication that matches several subscriptions comes once',
    steps: [session('alice', '/several/a', '/several/*', '/several/**'), held('connect', [connect()]),
      publish('/several/a'), answer('connect'), collect('alice')],
  },
  {
    name: 'a publication to a channel of nobody does not wake it',
    steps: [session('alice', '/mine'), held('connect', [connect()]), publish('/of-nobody'), publish('/mine'),
      answer('connect')],
  },
  {
    name: 'it ends with advice of its own',
    steps: [session('alice', '/quiet'), held('connect', [connect({ id: '1', advice: { timeout: 300 } })]), answer('connect')],
  },
  {
    name: 'a disconnect ends it',
    steps: [session('alice'), held('connect', [connect({ id: '1' })]), post([disconnect]), answer('connect')],
  },
  {
    name: 'a disconnect ends it, and then the session is unknown',
    steps: [session('alice'), held('connect', [connect()]), post([disconnect]), answer('connect'), collect('alice'),
      post([disconnect])],
  },
  {
    name: 'what was published before is the answer',
    steps: [session('alice', '/before'), publish('/before', 1), publish('/before', 2), publish('/before', 3),
      post([connect()]), collect('alice')],
  },
  {
    name: 'what was published before the first connect is the answer',
    steps: [newSession('alice'), post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/early' }]),
      publish('/early', 1), post([connect()])],
  },
  {
    name: 'a subscription made while it is held counts',
    steps: [session('alice'), held('connect', [connect()]),
      post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/late' }]), publish('/late'),
      answer('connect')],
  },
  {
    name: 'an unsubscription made while it is held counts',
    steps: [session('alice', '/gone', '/kept'), held('connect', [connect()]),
      post([{ channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription: '/gone' }]), publish('/gone'),
      publish('/kept'), answer('connect')],
  },
  {
    name: 'two sessions are woken by one publication',
    steps: [session('alice', '/shared/x'), session('bob', '/shared/*'), held('alice', [connect()]),
      held('bob', [connectMessage('bob')]), publish('/shared/x'), answer('alice'), answer('bob')],
  },
  {
    name: 'a second connect ends the first',
    steps: [session('alice', '/second'), held('first', [connect({ id: '1' })]), held('second', [connect({ id: '2' })]),
      answer('first', { fayeSilent: true }), publish('/second'), answer('second')],
    differs: {
      id: 'D3',
      ours: ([silence, second]) => [
        {
          ...second,
          what: silence.what,
          body: `[${JSON.stringify({ ...JSON.parse(second.body)[0], id: '1' })}]`,
        },
        second,
      ],
    },
  },
  {
    name: 'a second connect that is not held ends the first',
    steps: [session('alice', '/second-at-once'), held('first', [connect({ id: '1' })]),
      held('second', [connect({ id: '2', ...atOnce })]), answer('first', { fayeSilent: true }),
      answer('second', { fayeSilent: true }), publish('/second-at-once'), answer('second'), collect('alice')],
    differs: {
      id: 'D3',
      ours: ([first, second, woken, collected]) => {
        const [reply, message] = JSON.parse(woken.body);
        const [empty] = JSON.parse(collected.body);
        const alone = (id) => JSON.stringify([{ ...reply, id }]);
        return [
          { ...woken, what: first.what, body: alone('1') },
          { ...woken, what: second.what, body: alone('2') },
          { what: woken.what, outcome: 'was sent before' },
          { ...collected, body: JSON.stringify([empty, message]) },
        ];
      },
    },
  },
  {
    name: 'a batch with a connect is not held',
    steps: [session('alice'),
      held('batch', [connect({ id: '1' }), { channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/batch', id: '2' }]),
      answer('batch', { fayeSilent: true }), publish('/batch', 1), answer('batch'), collect('alice')],
    differs: {
      id: 'D2',
      ours: ([silence, batch, collected]) => {
        const [subscribed, reply, message] = JSON.parse(batch.body);
        const [empty] = JSON.parse(collected.body);
        return [
          { ...batch, what: silence.what, body: JSON.stringify([subscribed, reply]) },
          { what: silence.what, outcome: 'was sent before' },
          { ...collected, body: JSON.stringify([empty, message]) },
        ];
      },
    },
  },
  {
    name: 'two connects of one session in one batch',
    steps: [session('alice'), held('batch', [connect({ id: '1' }), connect({ id: '2' })]),
      answer('batch', { fayeSilent: true }), post([disconnect]), settle()],
    differs: {
      id: 'D2',
      ours: ([silence, disconnected]) => [
        {
          ...disconnected,
          what: silence.what,
          body: JSON.stringify(['1', '2'].map((id) => ({
            id,
            clientId: '<id 1>',
            channel: '/meta/connect',
            successful: true,
            advice: { reconnect: 'retry', interval: 0, timeout: longTimeoutSeconds * 1000 },
          }))),
        },
        disconnected,
      ],
    },
  },
  {
    name: 'a handshake in a batch with a publication',
    steps: [session('alice', '/with-handshake'), post([handshakeMessage, { channel: '/with-handshake', data: 1 }]),
      collect('alice')],
  },
  {
    name: 'the order of publications is the order of delivery',
    steps: [session('alice', '/order/*'), post(Array.from({ length: 30 }, (_, index) =>
      ({ channel: `/order/${index % 3}`, data: index }))), collect('alice')],
  },
  {
    name: 'equal publications are both delivered',
    steps: [session('alice', '/equal'), publishRaw({ channel: '/equal', data: 1, id: 'x' }),
      publishRaw({ channel: '/equal', data: 1, id: 'x' }), collect('alice')],
  },
];
