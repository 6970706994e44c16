// The handshake: its parameters, its errors and what of the request comes back.

import { handshakeMessage, post } from '../harness/steps.mjs';

const handshake = (extra) => ({ ...handshakeMessage, ...extra });
const without = (...keys) => {
  const message = handshake({});
  for (const key of keys) delete message[key];
  return message;
};
const one = (name, message) => ({ name, steps: [post([message])] });

const versions = ['1.0', '2.0', 'x', 1, 1.5, true, {}, [], '', 0, false, null];
const types = [
  ['long-polling'], ['websocket'], ['eventsource'], ['callback-polling'], ['cross-origin-long-polling'], ['in-process'],
  ['iframe', 'flash'], ['iframe', 'long-polling'], [], [null], [null, 'iframe'], [1, 2], [[]], [['long-polling']], [{}],
  [true], 'websocket', 'iframe', '', null, false, 0, {}, { 0: 'websocket' }, { length: 1 },
];

export const cases = [
  one('plain', handshake({})),
  one('with an id', handshake({ id: '1' })),
  one('with a client id, which is not kept', handshake({ id: '1', clientId: 'mine' })),
  one('with a client id and no id', handshake({ clientId: 'mine' })),
  one('with a client id that fails', { ...without('version'), clientId: 'mine', id: '3' }),
  one('with minimumVersion, ext and unknown fields', handshake({ minimumVersion: '0.9', ext: { a: 1 }, other: [1] })),
  one('with a field successful', handshake({ successful: false })),
  one('with advice', handshake({ advice: { timeout: 100, reconnect: 'none' } })),
  one('with connectionType eventsource', handshake({ connectionType: 'eventsource' })),
  one('failing with connectionType eventsource', { ...without('version'), connectionType: 'eventsource' }),
  one('without version', without('version')),
  one('without types', without('supportedConnectionTypes')),
  one('without version and types', without('version', 'supportedConnectionTypes')),
  one('without version and with unknown types', { ...without('version'), supportedConnectionTypes: ['iframe'] }),
  one('bare', { channel: '/meta/handshake' }),
  one('as a bare object', handshake({ id: 'x' })),
  { name: 'as an object without an array', steps: [post(handshake({ id: '7' }))] },
  { name: 'two in one batch', steps: [post([handshake({ id: '1' }), handshake({ id: '2' })])] },
  one('with a field error', handshake({ id: '1', error: 'no' })),
  one('with a field error and without version', { ...without('version'), error: 'no' }),
  ...versions.map((version) => one(`version ${JSON.stringify(version)}`, handshake({ version }))),
  ...types.map((supportedConnectionTypes) =>
    one(`types ${JSON.stringify(supportedConnectionTypes)}`, handshake({ supportedConnectionTypes }))),
];
