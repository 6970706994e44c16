// EventSource: the head of a stream, its blocks, and how it belongs to a session.

import {
  answer, atOnce, collect, connectMessage, held, newSession, post, publish, publishRaw, session,
} from '../harness/steps.mjs';
import { cut, events, stream } from '../harness/stream-steps.mjs';

const connect = (extra) => connectMessage('alice', { connectionType: 'eventsource', ...extra });
const open = (options) => stream('events', '/faye/{{alice}}', options);
const disconnect = { channel: '/meta/disconnect', clientId: '{{alice}}' };
const accepting = (accept) => ({
  name: `Accept: ${accept}`,
  steps: [stream('events', '/faye/nobody', { headers: [['Accept', accept]] })],
});

export const cases = [
  { name: 'a stream of an unknown session', steps: [stream('events', '/faye/nobody')] },
  { name: 'a stream of nobody', steps: [stream('events', '/faye/')] },
  { name: 'a stream at the mount', steps: [stream('events', '/faye')] },
  { name: 'a stream below several segments', steps: [session('alice', '/a'), stream('events', '/faye/x/y/{{alice}}'), publish('/a'), events('events')] },
  {
    name: 'a stream with an Origin',
    steps: [stream('events', '/faye/nobody', { headers: [['Origin', 'http://example.com']] })],
    differs: { id: 'D12', ours: ([head, ...blocks]) => [{
      ...head,
      headers: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-origin': 'http://example.com',
        ...head.headers,
      },
    }, ...blocks] },
  },
  ...['*/*', 'text/html,text/event-stream', 'text/event-stream , text/html'].map(accepting),
  { name: 'a stream with Last-Event-ID', steps: [stream('events', '/faye/nobody', { headers: [['Last-Event-ID', '5']] })] },
  { name: 'publications are pushed', steps: [session('alice', '/a'), open(), publish('/a', 1), publish('/a', { b: [2] }), events('events', 2)] },
  {
    name: 'two publications of one batch are two events',
    steps: [session('alice', '/a'), open(), post([{ channel: '/a', data: 1 }, { channel: '/a', data: 2 }]), events('events', 2)],
  },
  {
    name: 'line breaks inside data are escaped',
    steps: [session('alice', '/a'), open(), publishRaw({ channel: '/a', data: 'a\nb\r\nc\u2028é' }), events('events')],
  },
  {
    name: 'a connect is answered at once and not in the stream',
    steps: [session('alice', '/a'), open(), post([connect({ id: '1' })]), publish('/a'), events('events')],
  },
  {
    name: 'what a session publishes itself comes in the stream',
    steps: [session('alice', '/a'), open(), post([{ channel: '/a', data: 1, clientId: '{{alice}}' }]), events('events')],
  },
  {
    name: 'a session that never connected',
    steps: [newSession('alice'), post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/a' }]), open(),
      publish('/a'), events('events')],
  },
  {
    name: 'a connect flushes what waited before the stream was opened',
    steps: [session('alice', '/a'), publish('/a', 1), open(), post([connect()]), events('events'), publish('/a', 2), events('events')],
  },
  {
    name: 'opening flushes what waited',
    steps: [session('alice', '/a'), publish('/a', 1), open(), events('events', 1, { fayeCount: 0 }), publish('/a', 2),
      events('events', 1, { fayeCount: 0 }), collect('alice'), events('events', 0, { fayeCount: 2 })],
    differs: { id: 'D12', ours: ([head, retry, collected, ...blocks]) => [head, retry, ...blocks, collected] },
  },
  {
    name: 'a query is no part of the session id',
    steps: [session('alice', '/a'), stream('events', '/faye/{{alice}}?x=1'), publish('/a'),
      events('events', 1, { fayeCount: 0 }), collect('alice')],
    differs: { id: 'D12', ours: ([head, retry, collected]) => [head, retry,
      { what: 'event on events', block: 'data: [{"channel":"/a","data":"/a"}]\r\n\r\n' },
      { ...collected, body: collected.body.replace(',{"channel":"/a","data":"/a"}', '') }] },
  },
  { name: 'a disconnect ends the stream', steps: [session('alice'), open(), post([disconnect]), events('events')] },
  {
    name: 'what is published after the stream was cut waits',
    steps: [session('alice', '/a'), open(), cut('events'), publish('/a'), collect('alice')],
  },
  {
    name: 'a second stream takes over from the first',
    steps: [session('alice', '/a'), open(), stream('second', '/faye/{{alice}}'), publish('/a'), events('second')],
  },
  {
    name: 'a subscription made after the stream was opened',
    steps: [session('alice'), open(), post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/late' }]),
      publish('/late'), events('events')],
  },
  {
    name: 'what a publisher may not say is not pushed',
    steps: [session('alice', '/a'), open(), publishRaw('{"channel":"/a","data":1.0,"advice":{},"clientId":"x","id":"i"}'),
      events('events')],
    differs: { id: 'D6', ours: [['{"channel":"/a","data":1,"advice":{},"id":"i"}', '{"channel":"/a","data":1.0}']] },
  },
  {
    name: 'two sessions with a stream each',
    steps: [session('alice', '/a'), session('bob', '/a'), open(), stream('other', '/faye/{{bob}}'), publish('/a'),
      events('events'), events('other')],
  },
  {
    name: 'a polling connect that is held when the stream is opened',
    steps: [session('alice', '/a'), held('polling', [connectMessage('alice', { advice: { timeout: 1500 } })]), open(), publish('/a'), events('events'), answer('polling')],
  },
  {
    name: 'a failing connect beside a stream',
    steps: [session('alice', '/a'), open(), post([connect({ clientId: 'nope', ...atOnce })]), publish('/a'), events('events')],
  },
];
