// What of a publication reaches its subscribers, and in which spelling.

import { collect, publishRaw, session } from '../harness/steps.mjs';

// `sent` is published as it stands; `faye` and `ours` are what follows the connect reply.
const forwarded = (name, sent, faye, ours) => ({
  name,
  steps: [session('alice', '/f'), publishRaw(sent), collect('alice')],
  ...(ours === undefined ? {} : { differs: { id: 'D6', ours: [[faye, ours]] } }),
});
const plain = (name, sent) => forwarded(name, sent);

// A piece of JSON that npm Faye spells anew.
const respelled = (sent, faye) => forwarded(`data ${sent} keeps its bytes`, `{"channel":"/f","data":${sent}}`,
  `{"channel":"/f","data":${faye}}`, `{"channel":"/f","data":${sent}}`);

export const cases = [
  plain('channel and data', '{"channel":"/f","data":1}'),
  plain('data before channel', '{"data":1,"channel":"/f"}'),
  plain('an id without a client id', '{"channel":"/f","data":1,"id":"5"}'),
  plain('an id before the rest', '{"id":"5","data":1,"channel":"/f"}'),
  plain('an id that is not echoed', '{"channel":"/f","data":1,"id":0}'),
  plain('an id with an empty client id', '{"channel":"/f","data":1,"other":2,"clientId":null}'),
  plain('ext', '{"channel":"/f","ext":{"a":1},"data":1}'),
  plain('unknown fields in their order', '{"z":1,"channel":"/f","y":[2],"data":1,"x":{"w":3},"timestamp":"now"}'),
  plain('version and other fields of the protocol', '{"channel":"/f","data":1,"version":"1.0","minimumVersion":"1.0"}'),
  plain('a field called constructor', '{"channel":"/f","data":1,"constructor":2,"hasOwnProperty":3}'),
  plain('compact nested data', '{"channel":"/f","data":{"b":[1,{"a":null}],"a":"x"}}'),
  plain('characters that need no escape', '{"channel":"/f","data":"é☃😀</script>\u2028"}'),
  plain('half of a surrogate pair', '{"channel":"/f","data":{"\\ud83d":"\\ude00"},"\\ud83d":"\\ud83d"}'),
  forwarded('no id with a client id', '{"channel":"/f","data":1,"id":"5","clientId":"me"}',
    '{"channel":"/f","data":1,"id":"5"}', '{"channel":"/f","data":1}'),
  forwarded('no id with a client id, in another order', '{"id":"5","clientId":"me","data":1,"channel":"/f"}',
    '{"id":"5","data":1,"channel":"/f"}', '{"data":1,"channel":"/f"}'),
  forwarded('no advice', '{"channel":"/f","advice":{"reconnect":"none"},"data":1}',
    '{"channel":"/f","advice":{"reconnect":"none"},"data":1}', '{"channel":"/f","data":1}'),
  forwarded('no successful', '{"channel":"/f","successful":false,"data":1}',
    '{"channel":"/f","successful":false,"data":1}', '{"channel":"/f","data":1}'),
  forwarded('no empty error', '{"channel":"/f","error":"","data":1}',
    '{"channel":"/f","error":"","data":1}', '{"channel":"/f","data":1}'),
  forwarded('no subscription', '{"channel":"/f","subscription":"/f","data":1}',
    '{"channel":"/f","subscription":"/f","data":1}', '{"channel":"/f","data":1}'),
  forwarded('no connection type', '{"connectionType":"websocket","channel":"/f","data":1}',
    '{"connectionType":"websocket","channel":"/f","data":1}', '{"channel":"/f","data":1}'),
  forwarded('all of it together',
    '{"a":1,"advice":{},"data":2,"successful":true,"clientId":"c","ext":{"t":3},"id":"i","channel":"/f","b":4}',
    '{"a":1,"advice":{},"data":2,"successful":true,"ext":{"t":3},"id":"i","channel":"/f","b":4}',
    '{"a":1,"data":2,"ext":{"t":3},"channel":"/f","b":4}'),
  respelled('1.0', '1'),
  respelled('1e400', 'null'),
  respelled('-1e400', 'null'),
  respelled('-0', '0'),
  respelled('1E2', '100'),
  respelled('0.10', '0.1'),
  respelled('12345678901234567890', '12345678901234567000'),
  respelled('9007199254740993', '9007199254740992'),
  respelled('3.141592653589793238462643383279', '3.141592653589793'),
  respelled('{"a": 1}', '{"a":1}'),
  respelled('[1 ,2]', '[1,2]'),
  respelled('{ }', '{}'),
  respelled('{"a":1,"a":2}', '{"a":2}'),
  respelled('{"2":1,"1":2}', '{"1":2,"2":1}'),
  respelled('"\\u0041"', '"A"'),
  respelled('"\\/"', '"/"'),
  respelled('"\\u00e9"', '"é"'),
  respelled('"\\ud83d\\ude00"', '"😀"'),
  forwarded('ext keeps its bytes', '{"channel":"/f","data":1,"ext":{"t": 1.0}}',
    '{"channel":"/f","data":1,"ext":{"t":1}}', '{"channel":"/f","data":1,"ext":{"t": 1.0}}'),
  forwarded('unknown fields keep their bytes', '{"channel":"/f","data":1,"x":[1.0, 2]}',
    '{"channel":"/f","data":1,"x":[1,2]}', '{"channel":"/f","data":1,"x":[1.0, 2]}'),
  plain('white space between the fields goes', '{ "channel" : "/f" ,\n "data" : 1 }'),
  plain('a channel with escapes is spelled without them', '{"channel":"\\/f","data":1}'),
];
