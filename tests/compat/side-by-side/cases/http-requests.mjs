// Methods, paths, headers across origins, and connections that carry several requests.

import { answersInstead } from '../differences.mjs';
import { handshakeMessage, pipeline, post, query, request } from '../harness/steps.mjs';

const json = '[{"channel":"/p","data":1,"id":"1"}]';
const jsonType = ['Content-Type', 'application/json'];
const at = (target) => ({ name: `POST ${target}`, steps: [post(json, { target })] });
const withHeaders = (name, method, headers, extra = {}) => ({ name, steps: [request({ method, headers, ...extra })] });
const posted = (name, ...headers) => ({ name: `POST with ${name}`, steps: [post(json, { headers })] });

const origins = ['http://example.com', 'https://example.com:8443', 'null', 'file://', 'HTTP://Example.COM', 'a b',
  '*', 'chrome-extension://abc'];

export const cases = [
  ...['PUT', 'DELETE', 'PATCH', 'HEAD', 'TRACE', 'PROPFIND', 'SEARCH', 'PURGE', 'LINK', 'REPORT'].map((method) =>
    withHeaders(`method ${method}`, method, [])),
  ...['PUT', 'DELETE', 'PATCH'].map((method) =>
    withHeaders(`method ${method} with a good body`, method, [jsonType], { body: json })),
  withHeaders('HEAD with a message', 'HEAD', [], { target: `/faye?${query([['message', '[]']])}` }),
  withHeaders('HEAD for an event stream', 'HEAD', [['Accept', 'text/event-stream']], { target: '/faye/x' }),
  withHeaders('PUT with an Origin', 'PUT', [['Origin', 'http://example.com']]),
  withHeaders('GET without a message', 'GET', []),
  {
    ...withHeaders('GET as a browser opens the mount', 'GET', [['Accept', 'text/html,application/xhtml+xml,*/*;q=0.8']]),
    differs: { id: 'D25', ours: ([observation]) => [{
      ...observation,
      headers: { 'content-security-policy': "default-src 'none'", 'content-type': 'text/html; charset=utf-8' },
      body: '<!DOCTYPE html><title>Bayeux server</title><p>This address is for the clients of a Bayeux server, not for browsers. '
        + '<a href="/">The page at /</a> shows the server at work.</p>\n',
    }] },
  },
  withHeaders('GET without a message with an Origin', 'GET', [['Origin', 'http://example.com']]),

  ...['/faye', '/faye/', '/faye//', '/faye/x', '/faye/x/y', '/faye/handshake', '/faye.html', '/faye/a.b', '/faye/a.b.c',
    '/faye.x/y', '/faye?x=1', '/faye?', '/faye/?x', '/faye/%2e', '/faye/%20', '/faye/%C3%A9', '/x/../faye', '/faye/./x',
    '/faye/x/../y', '/./faye', '/faye/;a=b', '/faye/a+b', '/faye/*', '/faye/a:b', '/faye/meta/connect'].map(at),
  { name: 'an absolute target', steps: [post(json, { target: 'http://example.com/faye' })] },
  { name: 'an absolute target with a query', steps: [request({ target: 'http://example.com/faye/x?message=[]' })] },
  { name: 'GET below the mount', steps: [request({ target: '/faye/a/b/c?message=[]' })] },

  withHeaders('OPTIONS', 'OPTIONS', []),
  ...origins.map((origin) => withHeaders(`OPTIONS with Origin ${origin}`, 'OPTIONS', [['Origin', origin]])),
  {
    ...withHeaders('OPTIONS as a browser asks', 'OPTIONS', [['Origin', 'http://example.com'],
      ['Access-Control-Request-Method', 'POST'], ['Access-Control-Request-Headers', 'content-type, x-own']]),
    differs: { id: 'D23', ours: [['X-Requested-With', 'X-Requested-With, x-own']] },
  },
  withHeaders('OPTIONS with a Referer', 'OPTIONS', [['Referer', 'http://example.com/page?x=1']]),
  withHeaders('OPTIONS with both', 'OPTIONS', [['Referer', 'http://example.com/page'], ['Origin', 'http://other.example']]),
  withHeaders('OPTIONS with an empty Origin', 'OPTIONS', [['Origin', '']]),
  withHeaders('OPTIONS with a body', 'OPTIONS', [jsonType], { body: json }),
  withHeaders('OPTIONS below the mount', 'OPTIONS', [], { target: '/faye/x' }),
  ...['GET', 'POST', 'PUT', 'HEAD', 'DELETE'].map((method) => withHeaders(
    `${method} with Access-Control-Request-Method: POST`, method,
    [['Access-Control-Request-Method', 'POST'], ['Origin', 'http://example.com']])),
  withHeaders('GET with Access-Control-Request-Method: GET', 'GET', [['Access-Control-Request-Method', 'GET']],
    { target: '/faye?message=[]' }),
  withHeaders('GET with Access-Control-Request-Method: post', 'GET', [['Access-Control-Request-Method', 'post']],
    { target: '/faye?message=[]' }),
  withHeaders('an event stream with Access-Control-Request-Method: POST', 'GET',
    [['Access-Control-Request-Method', 'POST'], ['Accept', 'text/event-stream']], { target: '/faye/x' }),

  ...origins.map((origin) => posted(`Origin ${origin}`, ['Origin', origin])),
  posted('an empty Origin', ['Origin', '']),
  posted('a Referer', ['Referer', 'http://example.com/']),
  {
    ...posted('two Origins', ['Origin', 'http://one.example'], ['Origin', 'http://two.example']),
    differs: { id: 'D18', ours: ([observation]) => [{
      ...observation, headers: { ...observation.headers, 'access-control-allow-origin': 'http://one.example' },
    }] },
  },
  posted('X-Requested-With and Pragma', ['X-Requested-With', 'XMLHttpRequest'], ['Pragma', 'no-cache']),
  posted('a Cookie', ['Cookie', 'a=b']),
  posted('Authorization', ['Authorization', 'Basic eDp5']),
  posted('If-None-Match', ['If-None-Match', '*']),
  posted('Range', ['Range', 'bytes=0-1']),
  posted('Accept text/html', ['Accept', 'text/html']),
  posted('Accept text/event-stream', ['Accept', 'text/event-stream']),
  posted('X-HTTP-Method-Override', ['X-HTTP-Method-Override', 'GET']),
  {
    ...posted('an offer of HTTP/2', ['Connection', 'Upgrade, HTTP2-Settings'], ['Upgrade', 'h2c'], ['HTTP2-Settings', 'AAMAAABk']),
    differs: { id: 'D22', ours: answersInstead(0, '[{"id":"1","channel":"/p","successful":true}]') },
  },
  posted('Upgrade without Connection', ['Upgrade', 'websocket']),
  { name: 'a bad body with an Origin', steps: [post('[', { headers: [['Origin', 'http://example.com']] })] },
  { name: 'a bad body with Origin null', steps: [post('[', { headers: [['Origin', 'null']] })] },
  { name: 'a failing message with an Origin', steps: [post([{ channel: 'x' }], { headers: [['Origin', 'null']] })] },
  { name: 'a handshake with an Origin', steps: [post([handshakeMessage], { headers: [['Origin', 'http://a.example']] })] },

  {
    name: 'three requests on one connection',
    steps: [pipeline({ method: 'POST', headers: [jsonType], body: json }, { method: 'GET', target: '/faye?message=[]' },
      { method: 'POST', headers: [jsonType], body: '[]' })],
  },
  {
    name: 'a refusal between two requests on one connection',
    steps: [pipeline({ method: 'POST', headers: [jsonType], body: json }, { method: 'POST', headers: [jsonType], body: '[' },
      { method: 'OPTIONS' }, { method: 'PUT', headers: [jsonType], body: json },
      { method: 'POST', headers: [jsonType], body: json })],
  },
];
