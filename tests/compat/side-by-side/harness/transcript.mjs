// What one server answered in one case, with everything evened out that may differ from run to run.
//
// Not compared: the headers of the HTTP framework (below), the reason phrase, and how a body is framed. A
// Content-Length that fits the body reads "fits"; one of 0 on an empty body reads like none. Session ids become
// <id 1>, <id 2> ... in the order of their first appearance. The comments that keep an event stream alive are left out.
// Refusals of our server end with a newline, which Faye's do not have.
// What follows "Bad request: " is our server's own: which text it is, tests/protocol/hostile.rs checks.

const frameworkHeaders = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'server']);
const upgradeFrameworkHeaders = new Set(['date', 'keep-alive', 'transfer-encoding', 'server']);

export function describeHeaders(response, method) {
  const ignored = response.status === 101 ? upgradeFrameworkHeaders : frameworkHeaders;
  const described = {};
  for (const [name, value] of response.headers) {
    if (ignored.has(name)) continue;
    let text = value;
    if (name === 'connection' || name === 'upgrade') text = value.toLowerCase();
    if (name === 'content-length' && response.body) {
      if (value === '0' && response.body.length === 0) continue;
      if (method === 'HEAD' || Number(value) === response.body.length) text = 'fits';
    }
    described[name] = name in described ? `${described[name]} | ${text}` : text;
  }
  return Object.fromEntries(Object.entries(described).sort(([left], [right]) => (left < right ? -1 : 1)));
}

export function describeResponse(response, method) {
  const text = response.body.toString('utf8');
  const isRefusal = response.status >= 400 && response.headers.some(([name, value]) =>
    name === 'content-type' && value.startsWith('text/plain'));
  return {
    status: response.status,
    headers: describeHeaders(response, method),
    body: isRefusal ? text.replace(/\n$/, '') : text,
  };
}

const sessionId = /(?<![0-9a-z])[0-9a-z]{31}(?![0-9a-z])/g;
const failureAdvice = /"advice":\{"reconnect":"handshake","interval":[0-9]+,/g;

// The observations of a case as comparable values.
export function evenOut(observations) {
  const names = new Map();
  const evenText = (text) => text
    .replace(sessionId, (id) => {
      if (!names.has(id)) names.set(id, `<id ${names.size + 1}>`);
      return names.get(id);
    })
    .replace(/^Bad request: .+$/s, 'Bad request')
    .replace(failureAdvice, '"advice":{"reconnect":"handshake","interval":<growing>,');
  return mapTexts(observations, evenText);
}

// Applies a function to every string inside a value.
export function mapTexts(value, change) {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((element) => mapTexts(element, change));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, mapTexts(element, change)]));
  }
  return value;
}

export function render(observations) {
  return observations.map((observation, index) => {
    const { what, ...rest } = observation;
    const lines = Object.entries(rest).map(([key, value]) => {
      if (key === 'headers') {
        return Object.entries(value).map(([name, text]) => `      ${name}: ${text}`).join('\n');
      }
      return `    ${key}: ${typeof value === 'string' ? visible(value) : JSON.stringify(value)}`;
    });
    return [`  ${index + 1}. ${what}`, ...lines].filter(Boolean).join('\n');
  }).join('\n');
}

// Shows what cannot be seen, so that two texts that look equal are equal.
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f\u2028\u2029]/g, (character) =>
    `\\u${character.codePointAt(0).toString(16).padStart(4, '0')}`);
}
