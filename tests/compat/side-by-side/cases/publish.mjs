// Publishing: parameters, errors, their order, and the acknowledgement.

import { answersInstead } from '../differences.mjs';
import { collect, post, session } from '../harness/steps.mjs';

const one = (name, message, differs) => ({ name, steps: [post([message])], differs });
const plain = (extra) => ({ channel: '/p', data: 1, ...extra });

const values = [null, false, true, 0, 1, -1.5, '', 'x', [], [1, [2]], {}, { a: { b: [null] } }, 'é☃😀', '\u2028\u0000"\\/'];
const clientIds = ['any', '', null, 0, false, 5, true, {}, { a: 1 }, [], ['x'], '__proto__'];
const scalarChannels = [5, 1.5, -0.25, 0, true, false, null, '', 1e21, 12345678901];

export const cases = [
  one('plain', plain()),
  one('with an id', plain({ id: 'abc' })),
  one('with id and client id', plain({ id: 'abc', clientId: 'any' })),
  one('with unknown fields', plain({ ext: { a: 1 }, other: 1, advice: {}, subscription: '/x', connectionType: 'x' })),
  one('with successful false', plain({ successful: false })),
  one('with a field error', plain({ id: '1', error: 'no' })),
  one('with an empty field error', plain({ error: '' })),
  one('with a null field error', plain({ error: null })),
  one('with a number as error', plain({ error: 5 })),
  one('with an object as error', plain({ error: { a: 1 } })),
  one('with a field error and without data', { channel: '/p', error: 'no' }),
  one('with a field error and a bad channel', { channel: 'p', data: 1, error: 'no' }),
  one('without data', { channel: '/p' }),
  one('without data, with an id and client', { channel: '/p', id: 'a', clientId: 'b' }),
  one('without channel', { data: 1 }),
  one('without both', {}),
  one('without both, with an id', { id: '1', clientId: 'x' }),
  one('bad channel and no data', { channel: 'bad' }),
  one('to an invalid meta channel', { channel: '/meta/handshake/', data: 1 }),
  one('to an invalid meta channel without data', { channel: '/meta/handshake/' }),
  ...['/meta', '/meta/x', '/meta/*', '/meta/**', '/meta/handshake/x', '/meta/Handshake', '/meta/connect/x',
    '/meta/publish', '/meta/meta'].map((channel) => one(`to ${channel}`, { channel, data: 1, id: '1', clientId: 'c' })),
  one('to a meta channel with a field error', { channel: '/meta/x', data: 1, error: 'no' }),
  one('to a meta channel without data', { channel: '/meta/x' }),
  one('to /META/handshake', { channel: '/META/handshake', data: 1 }),
  one('to a service channel', { channel: '/service/x', data: 1 }),
  one('to /service', { channel: '/service', data: 1 }),
  ...['/a/*', '/a/**', '/*', '/**', '/service/*'].map((channel) => one(`to the pattern ${channel}`, { channel, data: 1 })),
  ...values.map((data) => one(`data ${JSON.stringify(data)}`, { channel: '/p', data })),
  ...clientIds.map((clientId) => one(`by client ${JSON.stringify(clientId)}`, plain({ clientId }))),
  ...scalarChannels.map((channel) => one(`to the channel ${JSON.stringify(channel)}`, { channel, data: 1, id: '1' })),
  one('to a number without data', { channel: 5 }),
  one('to the channel []', { channel: [], data: 1, id: '1' }),
  ...[['["/p"]', ['/p']], ['[["/p"]]', [['/p']]], ['["/p","/q"]', ['/p', '/q']], ['{}', {}],
    ['{"a":1}', { a: 1 }]].map(([text, channel]) => one(`to the channel ${text}`, { channel, data: 1, id: '1' },
    text.includes('/p"]') && !text.includes(',')
      ? { id: 'D10', ours: answersInstead(0, `[{"id":"1","channel":${text},"successful":false,"error":"405:/p:Invalid channel"}]`) }
      : undefined)),
  {
    name: 'data of every kind is delivered as it is',
    steps: [session('alice', '/values'), post(values.map((data) => ({ channel: '/values', data }))), collect('alice')],
  },
  {
    name: 'a publication with a field error is not delivered',
    steps: [session('alice', '/p'), post([plain({ error: 'no', data: 'bad' }), plain({ data: 'good' })]), collect('alice')],
  },
  {
    name: 'a publication with a false field error is delivered',
    steps: [session('alice', '/p'), post([{ channel: '/p', data: 'good' }, { channel: '/p' }]), collect('alice')],
  },
  {
    name: 'the client id of a publication is not delivered',
    steps: [session('alice', '/p'), post([{ clientId: 'x', channel: '/p', data: 1 }, { channel: '/p', clientId: '{{alice}}', data: 2 }]),
      collect('alice')],
  },
  {
    name: 'a publisher that is not subscribed gets nothing',
    steps: [session('alice'), post([{ channel: '/p', clientId: '{{alice}}', data: 2 }]), collect('alice')],
  },
];
