// Requests that must not harm the process. Those at which npm Faye itself dies are in no case.

import { collect, post, publish, request, session } from '../harness/steps.mjs';

const well = [session('alice', '/well'), publish('/well'), collect('alice')];
const after = (name, ...steps) => ({ name: `the server is well after ${name}`, steps: [...steps, ...well] });
const message = (text) => post(`[${text}]`);

export const cases = [
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
