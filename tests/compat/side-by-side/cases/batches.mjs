// Several messages in one request: the order of the replies, and what does not count as a message.

import { answersInstead } from '../differences.mjs';
import { atOnce, collect, connectMessage, handshakeMessage, post, session } from '../harness/steps.mjs';

const connect = (name, extra) => connectMessage(name, { ...atOnce, ...extra });
const subscribe = (subscription, id) => ({ channel: '/meta/subscribe', clientId: '{{alice}}', subscription, id });
const body = (text) => ({ name: `the body ${text.length > 70 ? `${text.slice(0, 70)}...` : text}`, steps: [post(text)] });

export const cases = [
  ...['{}', '[]', '[null]', '[null,null]', 'null', ' null ', '[1]', '["x"]', '[true]', '[false]', '[0]', '[""]', '[[]]',
    '[{}]', '[{},{}]', '[1,"x",true,{}]', '[[{"channel":"/p","data":1}]]', '[[1]]', '[null,{"channel":"/p","data":1}]',
    '[{"channel":"/p","data":1},null]', '[{"channel":"/p","data":1},false]', '[0,1]', '[-0.0]', '{"channel":"/p","data":1}',
    '{"0":{"channel":"/p","data":1},"length":1}', '[{"id":"1"},{"id":"2"}]', '[{"channel":null}]', '[{"data":null}]',
  ].map(body),
  { name: 'a hundred publications', steps: [post(Array.from({ length: 100 }, (_, id) => ({ channel: '/p', data: id, id: `n${id}` })))] },
  {
    name: 'replies in the order of the messages',
    steps: [session('alice'), post([subscribe('/a', '1'), { channel: '/a', data: 1, id: '2' }, subscribe('bad', '3'),
      { channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription: '/a', id: '4' }, { channel: '/x', id: '5' }])],
  },
  {
    name: 'a connect is answered behind the messages after it',
    steps: [session('alice'), post([connect('alice', { id: '1' }), subscribe('/a', '2'), { channel: '/b', data: 1, id: '3' }])],
  },
  {
    name: 'a connect between other messages is answered last',
    steps: [session('alice'), post([subscribe('/a', '1'), connect('alice', { id: '2' }), subscribe('/b', '3')])],
  },
  {
    name: 'a failing connect keeps its place',
    steps: [session('alice'), post([connect('alice', { clientId: 'nope', id: '1' }), subscribe('/a', '2')])],
  },
  {
    name: 'connects of two sessions',
    steps: [session('alice', '/x'), session('bob', '/x'), post([{ channel: '/x', data: 1 }]),
      post([connect('alice', { id: '1' }), connect('bob', { id: '2' }), { channel: '/y', data: 1, id: '3' }])],
  },
  {
    name: 'a connect brings what was published before it in the batch',
    steps: [session('alice', '/x'), post([{ channel: '/x', data: 1, id: 'p' }, connect('alice', { id: 'c' })]), collect('alice')],
  },
  {
    name: 'a connect brings what was published after it in the batch',
    steps: [session('alice', '/x'), post([connect('alice', { id: 'c' }), { channel: '/x', data: 1, id: 'p' }]), collect('alice')],
  },
  {
    name: 'a subscription counts for the publication after it',
    steps: [session('alice'), post([{ channel: '/x', data: 'before' }, subscribe('/x', '1'), { channel: '/x', data: 'after' }]),
      collect('alice')],
  },
  {
    name: 'an unsubscription counts for the publication after it',
    steps: [session('alice', '/x'), post([{ channel: '/x', data: 'before' },
      { channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription: '/x' }, { channel: '/x', data: 'after' }]),
    collect('alice')],
  },
  {
    name: 'a disconnect and a subscription after it',
    steps: [session('alice'), post([{ channel: '/meta/disconnect', clientId: '{{alice}}', id: '1' }, subscribe('/x', '2')])],
  },
  {
    name: 'a disconnect before a connect',
    steps: [session('alice'), post([{ channel: '/meta/disconnect', clientId: '{{alice}}', id: '1' }, connect('alice', { id: '2' })])],
  },
  {
    name: 'handshake, subscribe and connect together',
    steps: [post([handshakeMessage, { channel: '/meta/subscribe', subscription: '/x' },
      { channel: '/meta/connect', connectionType: 'long-polling' }])],
  },
  { name: 'one message in every state of failure', steps: [post([
    { channel: '/meta/handshake' }, { channel: '/meta/connect' }, { channel: '/meta/subscribe' },
    { channel: '/meta/unsubscribe' }, { channel: '/meta/disconnect' }, { channel: '/meta' }, { channel: '/p' }, {},
  ])] },
  {
    name: 'strings and numbers that are no messages among messages',
    steps: [post('[{"channel":"/p","data":1,"id":"1"},"\\ud83d",1e400,{"channel":"/p","data":1,"id":"2","\\ud83d":1}]')],
  },
  {
    name: 'a wrong type does not fail the other messages',
    steps: [post('[{"channel":"/p","data":1,"id":"1"},{"channel":["/p"],"data":1,"id":"2"},{"channel":"/p","data":1,"id":"3"}]')],
    differs: { id: 'D10', ours: answersInstead(0, '[{"id":"1","channel":"/p","successful":true},'
      + '{"id":"2","channel":["/p"],"successful":false,"error":"405:/p:Invalid channel"},'
      + '{"id":"3","channel":"/p","successful":true}]') },
  },
];
