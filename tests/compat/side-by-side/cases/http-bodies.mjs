// The body of a POST: content types, form parameters, and JSON that is none.

import { answersInstead, refusesInstead } from '../differences.mjs';
import { postAs, request } from '../harness/steps.mjs';

const json = '[{"channel":"/p","data":1,"id":"1"}]';
const reply = '[{"id":"1","channel":"/p","successful":true}]';
const bothReplies = '[{"id":"1","channel":"/p","successful":true},{"id":"2","channel":"/q","successful":true}]';
const form = `message=${encodeURIComponent(json)}`;
const formType = 'application/x-www-form-urlencoded';

const name = (contentType, body) =>
  `${contentType ?? 'no content type'}: ${Buffer.isBuffer(body) ? body.toString('latin1') : body.slice(0, 50)}`;
const one = (contentType, body, differs) => ({
  name: name(contentType, body), steps: [postAs(contentType, body)], differs,
});
const nowJson = (contentType, body = json) =>
  one(contentType, body, { id: 'D8', ours: answersInstead(0, reply) });

const jsonTypes = ['application/json', 'application/json; charset=utf-8', 'application/json;charset=iso-8859-1',
  'application/json;', 'application/json;;x'];
const otherTypes = ['Application/JSON', 'application/json ;x', 'application/vnd.api+json', 'text/plain', 'text/json',
  'text/plain;charset=UTF-8', formType, 'application/xml', '*/*', 'json', null];
const notJson = ['', ' ', 'x', '1', '-1', '1.5', '"x"', 'true', 'false', '[', ']', '{', '}', '[1', '[1,]', '[,1]', '{"a"}',
  '{"a":}', '{"a":1,}', '{a:1}', "{'a':1}", '[01]', '[+1]', '[.5]', '[1.]', '[1e]', '[0x1]', '[NaN]', '[Infinity]',
  '[undefined]', '["\\x41"]', '["\\u12"]', '["a\nb"]', '["a\tb"]', '[] []', '[]x', '{}{}', '// x\n[]', '[]//', '/**/[]',
  '\u00a0[]', '\ufeff[]', '\u2028[]', '\u000b[]', '\u0000', '[]\u0000', 'nul', 'nullx', '%5B%5D'];

export const cases = [
  ...jsonTypes.map((type) => one(type, json)),
  ...otherTypes.map((type) => one(type, form)),
  ...otherTypes.map((type) => nowJson(type)),
  nowJson('text/plain', ` \r\n\t${json}`),
  nowJson('text/plain', json.slice(1, -1)),
  one('application/json', form),
  ...notJson.map((body) => one('application/json', body)),
  ...notJson.map((body) => ({
    name: `${formType}: message=${body}`,
    steps: [postAs(formType, `message=${encodeURIComponent(body)}`)],
  })),
  ...['null', '[]', ' [ ] ', '{}'].map((body) => one(formType, `message=${body}`)),
  one(formType, ''),
  one(formType, 'message'),
  one(formType, 'Message=[]'),
  one(formType, 'other=[]'),
  one(formType, 'other=1&message=[]&another=2'),
  one(formType, '&&message=[]&&'),
  one(formType, 'message=[]&jsonp=callback'),
  one(formType, 'message=[]&jsonp=not%20valid'),
  one(formType, 'jsonp=1&message=[]'),
  one(formType, 'message=[]&jsonp='),
  one(formType, 'message=%5b%7b%22channel%22:%22/p%22,%22data%22:%22a+b%2Bc%22%7d%5d'),
  one(formType, 'me%73sage=[]'),
  one(formType, 'message=%'),
  one(formType, 'message=[]%'),
  one(formType, 'message=["%zz"]'),
  one(formType, 'message=[];x=1'),
  one(formType, 'message[]=[]'),
  one(formType, 'x=1;message=[]'),
  one(formType, 'message=%EF%BB%BF[]'),
  one(formType, 'message=["a=b"]'),
  one('multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="message"\r\n\r\n[]\r\n--x--\r\n'),
  {
    name: 'a form with two messages, both arrays',
    steps: [postAs(formType, `${form}&message=${encodeURIComponent('[{"channel":"/q","data":2,"id":"2"}]')}`)],
    differs: { id: 'D8', ours: answersInstead(0, bothReplies) },
  },
  {
    name: 'a form with two messages, the second an object',
    steps: [postAs(formType, `${form}&message=${encodeURIComponent('{"channel":"/q","data":2,"id":"2"}')}`)],
    differs: { id: 'D8', ours: answersInstead(0, bothReplies) },
  },
  {
    name: 'a query in the target is not read',
    steps: [request({ method: 'POST', target: '/faye?message=x&jsonp=%20', headers: [['Content-Type', 'application/json']], body: json })],
  },
  {
    name: 'a message only in the query',
    steps: [request({ method: 'POST', target: `/faye?${form}`, headers: [['Content-Type', formType]], body: '' })],
  },
  {
    name: 'no body and no length',
    steps: [request({ method: 'POST', headers: [['Content-Type', 'application/json']] })],
  },
  {
    name: 'a body in chunks',
    steps: [request({
      method: 'POST', bare: true,
      headers: [['Host', 'x'], ['Content-Type', 'application/json'], ['Transfer-Encoding', 'chunked']],
      body: `5\r\n${json.slice(0, 5)}\r\n${(json.length - 5).toString(16)};x=1\r\n${json.slice(5)}\r\n0\r\n\r\n`,
    })],
  },
  {
    name: 'Expect: 100-continue',
    steps: [postAs('application/json', json, [['Expect', '100-continue']])],
  },
  {
    name: 'two content types',
    steps: [request({ method: 'POST', headers: [['Content-Type', 'application/json'], ['Content-Type', formType]], body: json })],
  },
  {
    name: 'Accept-Encoding changes nothing',
    steps: [postAs('application/json', json, [['Accept-Encoding', 'gzip, br']])],
  },
  ...['c3', 'ff', 'c080', 'eda080', 'f5808080', 'e282'].map((hex) => ({
    name: `a body with the bytes ${hex}`,
    steps: [postAs('application/json', Buffer.concat([
      Buffer.from('[{"channel":"/p","data":"'), Buffer.from(hex, 'hex'), Buffer.from('","id":"1"}]')]))],
    differs: { id: 'D11', ours: refusesInstead(0) },
  })),
  ...['%c3', '%ff', '%c0%80', '%ed%a0%80'].map((bytes) => ({
    name: `a form with the bytes ${bytes}`,
    steps: [postAs(formType, `message=[{"channel":"/p","data":"${bytes}","id":"1"}]`)],
    differs: { id: 'D11', ours: refusesInstead(0) },
  })),
  ...['gzip', 'br'].map((coding) => ({
    name: `a body that says to be in ${coding}`,
    steps: [postAs('application/json', json, [['Content-Encoding', coding]])],
    differs: { id: 'D24', ours: ([observation]) => [{
      ...observation,
      status: 415,
      headers: { 'accept-encoding': 'identity', 'content-length': 'fits', 'content-type': 'text/plain; charset=utf-8' },
      body: 'The body has a Content-Encoding; send it without one',
    }] },
  })),
  { name: 'Content-Encoding: identity', steps: [postAs('application/json', json, [['Content-Encoding', 'identity']])] },
  { name: 'an ordinary body in UTF-8', steps: [postAs('application/json', '[{"channel":"/p","data":"é☃😀","id":"é☃😀"}]')] },
];
