// The disconnect: its parameters, its errors, and what of the session is left.

import { collect, newSession, post, publish, session } from '../harness/steps.mjs';

const disconnect = (extra) => ({ channel: '/meta/disconnect', clientId: '{{alice}}', ...extra });
const one = (name, message) => ({ name, steps: [session('alice'), post([message])] });

export const cases = [
  one('plain', disconnect()),
  one('with an id', disconnect({ id: '9' })),
  one('with unknown fields', disconnect({ ext: {}, data: 1, connectionType: 'eventsource', subscription: '/x' })),
  one('without client id', { channel: '/meta/disconnect', id: '1' }),
  ...['nope', '', null, 0, false, 5, true, {}, [], '__proto__'].map((clientId) =>
    one(`by client ${JSON.stringify(clientId)}`, disconnect({ clientId, id: '1' }))),
  one('with a field error', disconnect({ error: 'no', id: '1' })),
  {
    name: 'with a field error the session stays',
    steps: [session('alice'), post([disconnect({ error: 'no' })]), collect('alice')],
  },
  { name: 'of a session that never connected', steps: [newSession('alice'), post([disconnect()]), collect('alice')] },
  { name: 'twice', steps: [session('alice'), post([disconnect()]), post([disconnect()])] },
  { name: 'twice in one batch', steps: [session('alice'), post([disconnect({ id: '1' }), disconnect({ id: '2' })])] },
  {
    name: 'subscriptions do not survive it',
    steps: [session('alice', '/foo'), post([disconnect()]), publish('/foo'),
      post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/foo' }]), collect('alice')],
  },
  {
    name: 'what waited is not delivered',
    steps: [session('alice', '/foo'), publish('/foo'), post([disconnect()]), collect('alice')],
  },
  {
    name: 'before a publication in one batch',
    steps: [session('alice', '/foo'), session('bob', '/foo'),
      post([disconnect(), { channel: '/foo', data: 1, clientId: '{{alice}}' }]), collect('bob')],
  },
  {
    name: 'another session is untouched',
    steps: [session('alice', '/foo'), session('bob', '/foo'), post([disconnect()]), publish('/foo'), collect('bob')],
  },
];
