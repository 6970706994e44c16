// JSON-P: callbacks, parameters, escapes and headers.

import { atOnce, collect, connectMessage, get, handshakeMessage, publish, publishRaw, request, session } from '../harness/steps.mjs';
import { refusesInstead } from '../differences.mjs';

const message = { channel: '/p', data: 1, id: '1' };
const callback = (jsonp) => ({
  name: `callback ${JSON.stringify(jsonp.length > 40 ? `${jsonp.slice(0, 20)}... of ${jsonp.length}` : jsonp)}`,
  steps: [get([['message', [message]], ['jsonp', jsonp]])],
});
const target = (text) => ({ name: `GET ${text}`, steps: [request({ target: text })] });

const callbacks = ['callback', '_', '$', 'a', 'Z', 'a1', '__jsonp12__', 'a.b', 'a.b.c', 'A.$._1', 'jQuery123_456', '$.a',
  'x'.repeat(100), 'this', 'alert', 'function', '__proto__',
  '1a', '.a', 'a.', 'a..b', 'a.1', 'a-b', 'a b', ' a', 'a ', 'a\n', 'a\nb', 'a\r\n', '\na', 'a;b', 'a(b', 'a()', 'a[0]',
  'a["b"]', "a['b']", 'a<b', '<script>', 'é', 'aé', 'a\u2028', 'a\u0000', '-', '0', '.', '*', 'a,b', 'a=b', 'a/b', 'a+b',
  '\u017f', '\u212a', 'a\u017f', '\u00aa'];

export const cases = [
  ...callbacks.map(callback),
  { name: 'no callback', steps: [get([['message', [message]]])] },
  { name: 'an empty callback', steps: [get([['message', [message]], ['jsonp', '']])] },
  { name: 'two callbacks', steps: [get([['message', [message]], ['jsonp', 'first'], ['jsonp', 'second']])] },
  { name: 'an invalid callback before a valid one', steps: [get([['message', [message]], ['jsonp', '1'], ['jsonp', 'second']])] },
  { name: 'an empty callback before a valid one', steps: [get([['message', [message]], ['jsonp', ''], ['jsonp', 'second']])] },
  { name: 'the parameter callback is not read', steps: [get([['message', [message]], ['callback', 'x']])] },
  { name: 'the callback before the message', steps: [get([['jsonp', 'x'], ['message', [message]]])] },
  { name: 'further parameters', steps: [get([['_', '123'], ['message', [message]], ['jsonp', 'x'], ['y', '']])] },
  { name: 'an object', steps: [get([['message', message], ['jsonp', 'x']])] },
  ...['', 'x', '1', '"x"', 'true', '[', '[]', '{}', 'null', '[null]', ' [] ', '\ufeff[]'].map((text) => ({
    name: `message ${JSON.stringify(text)}`, steps: [get([['message', text], ['jsonp', 'x']])],
  })),
  { name: 'a bad message and a bad callback', steps: [get([['message', '['], ['jsonp', '1']])] },
  { name: 'a bad message with an Origin', steps: [get([['message', '[']], [['Origin', 'http://example.com']])] },
  { name: 'a bad callback with an Origin', steps: [get([['message', '[]'], ['jsonp', '1']], [['Origin', 'http://example.com']])] },
  { name: 'no message', steps: [get([['jsonp', 'x']])] },
  { name: 'with an Origin', steps: [get([['message', [message]], ['jsonp', 'x']], [['Origin', 'http://example.com']])] },
  { name: 'with a Referer', steps: [get([['message', [message]], ['jsonp', 'x']], [['Referer', 'http://example.com/']])] },
  ...['text/event-stream;q=0.9', 'TEXT/EVENT-STREAM', 'text/html, */*', 'text/event-streams', 'xtext/event-stream'].map((accept) =>
    ({ name: `Accept ${accept} is no event stream`, steps: [get([['message', [message]]], [['Accept', accept]])] })),
  {
    name: 'line separators are escaped',
    steps: [get([['message', [{ channel: '/p', data: 1, id: 'a\u2028b\u2029c' }]], ['jsonp', 'x']])],
  },
  {
    name: 'line separators that are escaped already',
    steps: [get([['message', '[{"channel":"/p","data":1,"id":"\\u2028"}]'], ['jsonp', 'x']])],
  },
  {
    name: 'markup is not escaped',
    steps: [get([['message', [{ channel: '/p', data: 1, id: '</script><!--&' }]], ['jsonp', 'x']])],
  },
  { name: 'a handshake', steps: [get([['message', [handshakeMessage]], ['jsonp', '__jsonp1__']])] },
  {
    name: 'a connect that brings messages with line separators',
    steps: [session('alice', '/p'), publishRaw('{"channel":"/p","data":"a\u2028b\u2029"}'), publish('/p', 2),
      get([['message', [connectMessage('alice', { ...atOnce, connectionType: 'callback-polling' })]], ['jsonp', 'x']])],
  },
  {
    name: 'a subscription and a publication',
    steps: [session('alice'), get([['message', [{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/p' }, message]]]),
      collect('alice')],
  },
  { name: 'a disconnect', steps: [session('alice'), get([['message', [{ channel: '/meta/disconnect', clientId: '{{alice}}' }]]])] },
  target('/faye?message=%5B%5D&jsonp=a%2Eb'),
  target('/faye?message=[]&jsonp=a+b'),
  target('/faye?message=[]&js%6Fnp=x'),
  target('/faye?message=[]&jsonp'),
  target('/faye?message=[]&jsonp=x#fragment'),
  target('/faye?message=[]?jsonp=x'),
  target('/faye?message=[]&amp;jsonp=x'),
  target('/faye?message=[];jsonp=x'),
  target('/faye?message=%'),
  target('/faye?message=[]%'),
  target('/faye/sub/path?message=[]&jsonp=x'),
  target('/faye/?message=[]'),
  target('/faye?&&message=[]'),
  target('/faye?message=%ff'),
  {
    name: 'bytes that are not UTF-8',
    steps: [request({ target: '/faye?message=[{"channel":"/p","data":"%ff","id":"1"}]&jsonp=x' })],
    differs: { id: 'D11', ours: refusesInstead(0) },
  },
  {
    name: 'two messages are joined',
    steps: [get([['message', [message]], ['message', [{ channel: '/q', data: 2, id: '2' }]], ['jsonp', 'x']])],
    differs: { id: 'D8', ours: [['{"id":"1","channel":"/p","successful":true}',
      '{"id":"1","channel":"/p","successful":true},{"id":"2","channel":"/q","successful":true}']] },
  },
];
