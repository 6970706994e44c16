// Becoming a WebSocket: what is accepted, with which headers, and the texts of refusals.

import { drain, receive, refusedUpgrade, upgrade } from '../harness/stream-steps.mjs';
import { frame, upgradeHeaders } from '../harness/websocket-client.mjs';

const changed = (...changes) => {
  const headers = new Map(upgradeHeaders);
  for (const [name, value] of changes) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return [...headers];
};
const accepted = (name, options) => ({ name, steps: [upgrade('ws', options), drain('ws')] });
const acceptedWith = (name, ...changes) => accepted(name, { headers: changed(...changes) });
const refused = (name, ...changes) => ({ name, steps: [refusedUpgrade({ headers: changed(...changes) })] });

const upgradeRequired = { id: 'D15', ours: ([observation]) => [{ ...observation, status: 426 }] };

export const cases = [
  accepted('plain', {}),
  ...['/faye/', '/faye/x', '/faye/x/y', '/faye?x=1', '/faye.html', '/faye/x.y'].map((target) => accepted(`at ${target}`, { target })),
  acceptedWith('Connection: keep-alive, Upgrade', ['Connection', 'keep-alive, Upgrade']),
  acceptedWith('Connection: upgrade', ['Connection', 'upgrade']),
  acceptedWith('Upgrade: WebSocket', ['Upgrade', 'WebSocket']),
  acceptedWith('an Origin', ['Origin', 'http://example.com']),
  acceptedWith('Origin null', ['Origin', 'null']),
  acceptedWith('a subprotocol', ['Sec-WebSocket-Protocol', 'bayeux']),
  acceptedWith('subprotocols', ['Sec-WebSocket-Protocol', 'a, b']),
  acceptedWith('permessage-deflate', ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits']),
  acceptedWith('a cookie', ['Cookie', 'a=b']),
  acceptedWith('Accept text/event-stream', ['Accept', 'text/event-stream']),
  acceptedWith('Access-Control-Request-Method: POST', ['Access-Control-Request-Method', 'POST']),
  {
    name: 'frames in the packet of the request',
    steps: [upgrade('ws', { trailing: frame('[{"channel":"/p","data":1,"id":"1"}]') }), receive('ws'), drain('ws')],
  },
  ...['12', '8', '7', '14', '0', '013', '13, 8', 'x'].map((version) =>
    ({ ...refused(`version ${version}`, ['Sec-WebSocket-Version', version]), differs: upgradeRequired })),
  refused('no version', ['Sec-WebSocket-Version', null]),
  refused('no key', ['Sec-WebSocket-Key', null]),
  {
    ...refused('a bad version and no key', ['Sec-WebSocket-Version', '8'], ['Sec-WebSocket-Key', null]),
    differs: upgradeRequired,
  },
  {
    ...refused('Upgrade: h2c', ['Upgrade', 'h2c']),
    differs: { id: 'D22', ours: [['Not a WebSocket request', 'Bad request']] },
  },
  {
    ...refused('Upgrade: websocket, h2c', ['Upgrade', 'websocket, h2c']),
    differs: { id: 'D15', ours: ([observation]) => [{ ...observation, status: 101, mediaType: '', body: '' }] },
  },
  {
    name: 'a POST that upgrades',
    steps: [refusedUpgrade({ method: 'POST', headers: changed() })],
  },
  { name: 'a PUT that upgrades', steps: [refusedUpgrade({ method: 'PUT', headers: changed() })] },
  { name: 'an OPTIONS that upgrades', steps: [refusedUpgrade({ method: 'OPTIONS', headers: changed() })] },
  refused('no Connection header', ['Connection', null]),
  refused('Connection: close', ['Connection', 'close']),
  refused('no Upgrade header', ['Upgrade', null]),
];
