// Which fields of a request come back in a reply: a truthy id, client id and channel, of any JSON type.

import { post } from '../harness/steps.mjs';

const texts = ['"a"', '""', '0', '-0', '0.0', '1', '-1', '12345678', '1.5', 'true', 'false', 'null', '[]', '[1,"a"]', '{}',
  '{"a":{"b":[]}}', '"é☃😀"', '"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"a\\/b"', '"\\u2028"', '"\\t\\n"',
  '"\\u0001"', '"\\u007f"', '"<script>"', '"0"', '"false"', '" "', '{"a": 1}', '[1, 2]', '1.0', '1e3', '{"b":1,"a":2}'];

// Those that npm Faye spells in its own way.
const respelt = new Set(['"\\u00e9"', '"\\ud83d\\ude00"', '"a\\/b"', '{"a": 1}', '[1, 2]', '1.0', '1e3']);

const echoed = (name, field, text, steps) => ({
  name,
  steps,
  differs: respelt.has(text)
    ? { id: 'D17', ours: [[`"${field}":${JSON.stringify(JSON.parse(text))}`, `"${field}":${text}`]] }
    : undefined,
});

const messages = {
  'a publication': (id) => `[{"channel":"/p","data":1,"id":${id}}]`,
  'a failing connect': (id) => `[{"channel":"/meta/connect","clientId":"x","connectionType":"long-polling","id":${id}}]`,
};

export const cases = [
  ...Object.entries(messages).flatMap(([kind, text]) =>
    texts.map((id) => echoed(`id ${id} of ${kind}`, 'id', id, [post(text(id))]))),
  ...texts.slice(0, 18).map((id) => echoed(
    `client id ${id} of a publication`, 'clientId', id, [post(`[{"channel":"/p","data":1,"clientId":${id}}]`)])),
  { name: 'the order of a reply is not that of the request', steps: [post('[{"data":1,"clientId":"c","id":"i","channel":"/p"}]')] },
  { name: 'of two equal keys the last counts', steps: [post('[{"id":"1","channel":"/p","data":1,"id":"2"}]')] },
  { name: 'of two channels the last counts', steps: [post('[{"channel":"bad","data":1,"channel":"/p"}]')] },
  {
    name: 'a channel with escapes',
    steps: [post('[{"channel":"\\/\\u0070","data":1}]')],
    differs: { id: 'D17', ours: [['"channel":"/p"', '"channel":"\\/\\u0070"']] },
  },
  { name: 'a key with escapes', steps: [post('[{"\\u0063hannel":"/p","d\\u0061ta":1,"\\u0069d":"5"}]')] },
  { name: 'fields called __proto__ and constructor', steps: [post('[{"channel":"/p","data":1,"__proto__":{"id":"1"},"constructor":1}]')] },
  { name: 'a publication with white space', steps: [post(' \r\n\t[ { "channel" : "/p" , "data" : 1 , "id" : "7" } ] \n')] },
];
