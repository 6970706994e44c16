// Requests that must not harm the process. Targets that no URL parser takes end npm Faye: only our server is sent them.

import { HttpConnection, requestBytes } from '../harness/http-client.mjs';
import { collect, post, publish, request, session } from '../harness/steps.mjs';

const well = [session('alice', '/well'), publish('/well'), collect('alice')];
const after = (name, ...steps) => ({ name: `the server is well after ${name}`, steps: [...steps, ...well] });
const message = (text) => post(`[${text}]`);

const oddTargets = ['//', '///', 'http://', '//:80/faye', '//[/faye', 'http://[::1/faye', '/faye%', '/faye?%', 'faye', '*'];

// A refusal, by 400 or 404, is all that is asked.
const sendToOurs = (target) => async (context) => {
  if (context.server.actsAsReference) return;
  const connection = new HttpConnection(context.server);
  context.opened.push(connection);
  connection.send(requestBytes(context.server, { method: 'POST', target, headers: [['Content-Type', 'application/json']], body: '[' }));
  const { status } = await connection.readResponse('POST');
  context.observe({ what: `the target ${target}`, outcome: [400, 404].includes(status) ? 'is refused' : `status ${status}` });
};

export const cases = [
  ...oddTargets.map((target) => ({
    ...after(`the target ${target}`, sendToOurs(target)),
    differs: { id: 'D10', ours: (observations) => [{ what: `the target ${target}`, outcome: 'is refused' }, ...observations] },
  })),
  after('a session id of another kind', message('{"channel":"/meta/connect","clientId":{"length":5,"id":"x"},"connectionType":"x"}')),
  after('field names of Object.prototype', message('{"channel":"/p","data":{"__proto__":{"a":1}},"__proto__":{"channel":"/x"}}')),
  after('a session called __proto__', message('{"channel":"/meta/connect","clientId":"__proto__","connectionType":"websocket"}')),
  after('a channel called __proto__', message('{"channel":"/__proto__","data":{"constructor":1}}')),
  after('a form of ampersands', request({ method: 'POST', body: '&'.repeat(10_000) })),
  after('a long number', message(`{"channel":"/p","data":${'9'.repeat(10_000)}}`)),
  after('a long string', message(`{"channel":"/p","data":"${'x'.repeat(500_000)}"}`)),
  after('moderate nesting', message(`{"channel":"/p","data":${'['.repeat(50)}${']'.repeat(50)}}`)),
  after('many elements', message(Array.from({ length: 900 }, () => '{}').join(','))),
  after('many fields', message(`{"channel":"/p","data":1,${Array.from({ length: 2000 }, (_, index) => `"f${index}":1`).join(',')}}`)),
];
