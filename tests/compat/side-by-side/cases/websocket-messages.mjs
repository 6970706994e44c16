// Bayeux over a WebSocket: one reply frame for one frame, deliveries of their own, and silence for what is no message.

import { rearranged } from '../differences.mjs';
import { longTimeoutSeconds } from '../harness/servers.mjs';
import { atOnce, connectMessage, handshakeMessage, post, publish, publishRaw, session } from '../harness/steps.mjs';
import { drain, receive, send, sendBytes, socket } from '../harness/stream-steps.mjs';
import { frame, opcodes } from '../harness/websocket-client.mjs';

const connect = (extra) => connectMessage('alice', { ...atOnce, connectionType: 'websocket', ...extra });
const bind = [socket('ws'), send('ws', [connect()]), receive('ws')];
const own = (extra) => ({ channel: '/own', clientId: '{{alice}}', data: 1, ...extra });

const answered = (name, ...messages) => ({ name, steps: [socket('ws'), ...messages.map((text) => send('ws', text)), drain('ws')] });
const silent = ['', ' ', 'x', '1', '-1', '"x"', 'true', 'false', 'null', ' null ', '[', '{', '[1,]', '{"a"}', '[null]',
  '[null,1]', '[null,{"channel":"/p","data":1}]', '[{"channel":"/p","data":1},null]', '\ufeff[]', '[]x', 'ping', '[] []'];
const replied = ['[]', ' [ ] ', '{}', '[{}]', '[1]', '["x"]', '[true]', '[0]', '[false]', '[[]]', '[{},{}]',
  '{"channel":"/p","data":1,"id":"1"}', '[{"channel":"/p","data":1,"id":"1"}]', '[{"channel":"/p"}]',
  '[{"channel":"/p","data":1},{"channel":"/q","data":2},{"channel":"bad","data":3}]', '[{"channel":"/meta/x"}]',
  '[{"channel":5,"data":1}]', '[{"channel":"/meta/handshake"}]', '[{"channel":"/meta/disconnect"}]',
  '[{"channel":"/meta/connect"}]', '[{"channel":"/meta/connect","clientId":"nope","connectionType":"websocket"}]',
  '[{"channel":"/meta/subscribe","clientId":"nope","subscription":"/x"}]', '\n[]\n'];

export const cases = [
  ...replied.map((text) => answered(`the frame ${text}`, text)),
  ...silent.map((text) => answered(`nothing is said to ${JSON.stringify(text)}`, text)),
  {
    name: 'nothing is said to a channel that is an array',
    steps: [socket('ws'), send('ws', [{ channel: ['/p'], data: 1, id: '1' }]), drain('ws')],
    differs: { id: 'D10', ours: (observations) => [
      { what: 'frame on ws', text: '[{"id":"1","channel":["/p"],"successful":false,"error":"405:/p:Invalid channel"}]' },
      ...observations,
    ] },
  },
  answered('two frames in order', '[{"channel":"/p","data":1,"id":"1"}]', '[{"channel":"/p","data":1,"id":"2"}]'),
  answered('garbage between two frames', '[{"channel":"/p","data":1,"id":"1"}]', '{', '[{"channel":"/p","data":1,"id":"2"}]'),
  answered('a large batch', JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ channel: '/p', data: id, id: `n${id}` })))),
  answered('a long frame', `[{"channel":"/p","data":"${'x'.repeat(70_000)}","id":"1"}]`),
  { name: 'a long reply', steps: [socket('ws'), send('ws', [{ channel: '/p', data: 1, id: 'x'.repeat(70_000) }]), drain('ws')] },
  { name: 'a reply of 126 bytes and more', steps: [socket('ws'), send('ws', [{ channel: '/p', data: 1, id: 'x'.repeat(200) }]), drain('ws')] },
  {
    name: 'a session on a socket alone',
    steps: [socket('ws'), send('ws', [{ ...handshakeMessage, id: '1' }]), receiveHandshake('ws', 'alice'),
      send('ws', [connect({ id: '2' })]), receive('ws'),
      send('ws', [{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/own', id: '3' }]), receive('ws'),
      send('ws', [own({ data: 'x' })]), receive('ws', 2),
      send('ws', [{ channel: '/meta/unsubscribe', clientId: '{{alice}}', subscription: '/own', id: '5' }]), receive('ws'),
      send('ws', [own({ data: 'y' })]), receive('ws'), drain('ws')],
  },
  {
    name: 'the delivery of an own publication comes before its acknowledgement',
    steps: [session('alice', '/own'), ...bind, send('ws', [own({ clientId: undefined, id: '4' })]), drain('ws')],
  },
  {
    name: 'two own publications in one frame',
    steps: [session('alice', '/own'), ...bind, send('ws', [own({ data: 1 }), own({ data: 2 })]), drain('ws')],
  },
  {
    name: 'an own publication that fails is not delivered',
    steps: [session('alice', '/own'), ...bind, send('ws', [own({ error: 'no' })]), drain('ws')],
  },
  {
    name: 'the publications of others are pushed',
    steps: [session('alice', '/a', '/b/*'), ...bind, publish('/a', 1), publish('/b/c', { x: [1] }), publish('/c', 3),
      publish('/a', 4), receive('ws', 3), drain('ws')],
  },
  {
    name: 'two publications of one batch are two frames',
    steps: [session('alice', '/a'), ...bind, post([{ channel: '/a', data: 1 }, { channel: '/a', data: 2 }]),
      receive('ws', 2), drain('ws')],
  },
  {
    name: 'a publication that matches several subscriptions is one frame',
    steps: [session('alice', '/a/b', '/a/*', '/a/**'), ...bind, publish('/a/b'), receive('ws'), drain('ws')],
  },
  {
    name: 'what waited comes before the reply, and once',
    steps: [session('alice', '/a'), publish('/a', 1), publish('/a', 2), socket('ws'), send('ws', [connect()]),
      receive('ws', 3), drain('ws')],
  },
  {
    name: 'pushes come while a connect is held',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [connect({ advice: undefined })]), drain('ws'),
      publish('/a'), receive('ws'), drain('ws')],
  },
  {
    name: 'a publication does not end a held connect',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [connect({ id: '9', advice: { timeout: 3000 } })]), drain('ws'),
      publish('/a'), receive('ws', 2)],
  },
  {
    name: 'the first connect over a socket is answered at once',
    steps: [socket('ws'), send('ws', [handshakeMessage]), receiveHandshake('ws', 'alice'),
      send('ws', [connect({ id: '2', advice: undefined })]), drain('ws')],
    differs: { id: 'D1', ours: rearranged(0, { what: 'frame on ws', text: connectReply('2') }, 1) },
  },
  {
    name: 'a batch with a connect is answered at once',
    steps: [session('alice'), socket('ws'), send('ws', [connect({ id: '1', advice: undefined }),
      { channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/x', id: '2' }]), drain('ws')],
    differs: { id: 'D2', ours: rearranged({ what: 'frame on ws',
      text: `[{"id":"2","clientId":"<id 1>","channel":"/meta/subscribe","successful":true,"subscription":"/x"},${connectReply('1').slice(1)}` }, 0) },
  },
  {
    name: 'two connects in one frame',
    steps: [session('alice'), socket('ws'), send('ws', [connect({ id: '1', advice: undefined }),
      connect({ id: '2', advice: undefined })]), drain('ws')],
    differs: { id: 'D2', ours: rearranged({ what: 'frame on ws',
      text: `${connectReply('1').slice(0, -1)},${connectReply('2').slice(1)}` }, 0) },
  },
  {
    name: 'a second connect on a socket ends the first',
    steps: [session('alice'), socket('ws'), send('ws', [connect({ id: '1', advice: undefined })]),
      send('ws', [connect({ id: '2', advice: undefined })]), drain('ws')],
    differs: { id: 'D3', ours: rearranged({ what: 'frame on ws', text: connectReply('1') }, 0) },
  },
  {
    name: 'a connect of type eventsource',
    steps: [session('alice'), socket('ws'), send('ws', [connect({ connectionType: 'eventsource', advice: undefined })]), receive('ws'), drain('ws')],
  },
  {
    name: 'what a publisher may not say is not pushed',
    steps: [session('alice', '/a'), ...bind,
      publishRaw('{"channel":"/a","advice":{"reconnect":"none"},"data":1.0,"clientId":"x","id":"i","z":2}'),
      receive('ws'), drain('ws')],
    differs: { id: 'D6', ours: [[
      '[{"channel":"/a","advice":{"reconnect":"none"},"data":1,"id":"i","z":2}]', '[{"channel":"/a","data":1.0,"z":2}]']] },
  },
  {
    name: 'a line separator is not escaped',
    steps: [session('alice', '/a'), ...bind, publishRaw('{"channel":"/a","data":"\u2028"}'), receive('ws'), drain('ws')],
  },
  {
    name: 'a binary frame is read as JSON',
    steps: [socket('ws'), sendBytes('ws', frame('[{"channel":"/p","data":1,"id":"1"}]', { opcode: opcodes.binary })), drain('ws')],
  },
  {
    name: 'a binary frame that is no JSON is ignored',
    steps: [socket('ws'), sendBytes('ws', frame(Buffer.from([1, 2, 3]), { opcode: opcodes.binary })), drain('ws')],
  },
];

function connectReply(id) {
  return `[{"id":"${id}","clientId":"<id 1>","channel":"/meta/connect","successful":true,`
    + `"advice":{"reconnect":"retry","interval":0,"timeout":${longTimeoutSeconds * 1000}}}]`;
}

// The reply of a handshake, which names the session.
function receiveHandshake(name, as) {
  return async (context) => {
    await receive(name)(context);
    context.values.set(as, JSON.parse(context.observations.at(-1).text)[0].clientId);
  };
}
