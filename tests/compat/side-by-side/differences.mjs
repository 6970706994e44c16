// The written list: where our server answers otherwise than npm Faye 1.4.3 on purpose, and why.
//
// A difference with `everywhere` is applied to every transcript of npm Faye that shows the pattern. Every other one
// is named by the cases it concerns, which hold the exact reply of our server: `ours` is either pairs of texts
// [Faye's, ours], each of which must occur, or a function from Faye's observations to ours.
// An entry under which both sides are equal fails, and so does one that no case uses: the list cannot rot.

import assert from 'node:assert/strict';
import { mapTexts, render } from './harness/transcript.mjs';

export const differences = {
  D1: { reason: 'the first connect of a session is answered at once: a client that starts need not wait' },
  D2: { reason: 'a connect in a batch with other messages is never held, so that it cannot hold the others back' },
  D3: { reason: 'a second connect of a session ends the first at once: npm Faye never answers the first' },
  D4: { reason: 'a disconnect over WebSocket answers the held connect: npm Faye never does' },
  D5: {
    reason: 'failure advice is complete and its interval grows from 0: rejected clients of npm Faye come back in a hot loop',
    everywhere: (observations, origins, timeoutSeconds) => mapTexts(observations, (text) => text.replaceAll(
      '"advice":{"reconnect":"handshake"}',
      `"advice":{"reconnect":"handshake","interval":<growing>,"timeout":${timeoutSeconds * 1000}}`,
    )),
  },
  D6: { reason: 'only what a publisher may say reaches subscribers, and its JSON keeps its bytes' },
  D7: { reason: 'service channels are no broadcast channels: nobody is sent them, and subscribing does nothing' },
  D8: { reason: 'a body that begins like JSON is JSON, and repeated message parameters are joined' },
  D9: {
    reason: 'a 400 can be read across origins, has a length and says what is wrong',
    everywhere: (observations, origins) => observations.map((observation, index) => {
      if (observation.status !== 400 || !observation.headers) return observation;
      const headers = { ...observation.headers, 'content-length': 'fits' };
      if (origins[index]) {
        headers['access-control-allow-credentials'] = 'true';
        headers['access-control-allow-origin'] = origins[index];
      }
      return { ...observation, headers: sorted(headers) };
    }),
  },
  D10: { reason: 'a wrong JSON type fails its message alone, and a target that is no URL fails its request alone' },
  D11: { reason: 'messages that are not UTF-8 are refused: npm Faye delivers something else than was sent' },
  D12: { reason: 'an event stream can be read across origins and begins with what waited for its session' },
  D15: { reason: 'WebSocket upgrades and breaches are answered as RFC 6455 says' },
  D17: { reason: 'what is echoed to a client has the bytes that it sent: npm Faye spells JSON in its own way' },
  D18: { reason: 'a second Origin header is not looked at: no browser sends one' },
  D19: { reason: 'a socket is bound to a session only after a connect of it succeeded: nobody else can take its messages' },
  D20: { reason: 'the newest transport of a session gets its messages: a client that left its socket need not wait' },
  D21: {
    reason: 'a method that the mount does not have is a 405 with Allow, an unknown one a 501 (RFC 9110, section 9.1)',
    everywhere: (observations) => observations.map((observation) => {
      const [, method] = /^(?:pipelined )?([A-Z]+)(?: |$)/.exec(observation.what) ?? [];
      if (observation.status !== 400 || !method || ['GET', 'POST', 'OPTIONS'].includes(method)) return observation;
      const isKnown = ['PUT', 'DELETE', 'PATCH', 'TRACE', 'HEAD'].includes(method);
      const text = isKnown ? 'This target does not support the method' : 'Unknown method';
      return {
        ...observation,
        status: isKnown ? 405 : 501,
        headers: sorted({ ...observation.headers, ...(isKnown && { allow: 'GET, POST, OPTIONS' }) }),
        body: method === 'HEAD' ? '' : text,
      };
    }),
  },
  D22: { reason: 'an offer to upgrade to something else than WebSocket is ignored (RFC 9110, section 7.8)' },
  D23: {
    reason: 'a page may send the headers that it asks for, and caches are told that the answer depends on it',
    everywhere: (observations) => observations.map((observation) =>
      (observation.headers?.['access-control-max-age']
        ? { ...observation, headers: sorted({ ...observation.headers, vary: 'Origin, Access-Control-Request-Headers' }) }
        : observation)),
  },
  D24: { reason: 'a body with a Content-Encoding is a 415: npm Faye reads it as if it had none' },
  D25: { reason: 'a browser that opens the mount is led to the page' },
  D26: {
    reason: 'proxies are told not to buffer an event stream and not to compress it',
    everywhere: (observations) => observations.map((observation) =>
      (observation.headers?.['content-type'] === 'text/event-stream'
        ? { ...observation, headers: sorted({
          ...observation.headers, 'cache-control': 'no-cache, no-store, no-transform', 'x-accel-buffering': 'no',
        }) }
        : observation)),
  },
};

function sorted(headers) {
  return Object.fromEntries(Object.entries(headers).sort(([left], [right]) => (left < right ? -1 : 1)));
}

// What our server must answer, given what npm Faye answered; `used` names the differences that made it so.
export function expectedOfOurs({ observations, origins }, differs, name, timeoutSeconds) {
  const used = [];
  let expected = observations;
  const apply = (id, change) => {
    const changed = change(expected, origins, timeoutSeconds);
    const shows = render(changed) !== render(expected);
    expected = changed;
    if (shows) used.push(id);
    return shows;
  };
  if (differs) {
    const { id, ours } = differs;
    assert.ok(differences[id], `"${name}" names ${id}, which is not in the list of differences`);
    const shows = apply(id, typeof ours === 'function' ? ours : replaceTexts(ours, name));
    assert.ok(shows, `"${name}" rests on ${id}, but both servers answer the same: remove the entry`);
  }
  for (const [id, { everywhere }] of Object.entries(differences)) {
    if (everywhere) apply(id, everywhere);
  }
  return { expected, used };
}

function replaceTexts(pairs, name) {
  return (observations) => pairs.reduce((changed, [from, to]) => {
    let found = false;
    const next = mapTexts(changed, (text) => {
      if (!text.includes(from)) return text;
      found = true;
      return text.replaceAll(from, () => to);
    });
    assert.ok(found, `"${name}": npm Faye no longer answers ${from}\n${render(observations)}`);
    return next;
  }, observations);
}

// --- Functions for `ours`. ---

const postHeaders = {
  'cache-control': 'no-cache, no-store',
  'content-length': 'fits',
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
};

// Instead of the reply at `index`, counted from 0, a successful reply to a POST with this body.
export const answersInstead = (index, body) => (observations) => observations.map((observation, position) =>
  (position === index ? { what: observation.what, status: 200, headers: postHeaders, body } : observation));

// Instead of the reply at `index`, the refusal of a request.
export const refusesInstead = (index) => (observations) => observations.map((observation, position) =>
  (position === index
    ? { what: observation.what, status: 400, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'Bad request' }
    : observation));

// The observations as they are in a list given as [index in Faye's transcript | new observation].
export const rearranged = (...places) => (observations) =>
  places.map((place) => (typeof place === 'number' ? observations[place] : place));
