// The connect: its parameters, its errors and their order, and how long it is held.

import {
  answer, atOnce, collect, connectMessage, held, newSession, post, publish, session,
} from '../harness/steps.mjs';

const failing = (name, message) => ({ name, steps: [session('alice'), post([message])] });
const connect = (extra) => connectMessage('alice', { ...atOnce, ...extra });
const without = (key, extra = {}) => {
  const { [key]: removed, ...message } = connect(extra);
  return message;
};

const connectionTypes = [
  'long-polling', 'cross-origin-long-polling', 'callback-polling', 'websocket', 'eventsource', 'in-process',
  'iframe', 'Long-Polling', ' long-polling', 'a b,c', '', null, false, 0, 5, true, {}, [], ['long-polling'], ['a', 'b'],
];
const clientIds = ['nope', '', null, false, 0, 5, 1.5, true, {}, [], ['a', 'b'], 'with space', 'é', 'a:b', '__proto__',
  'constructor', 'hasOwnProperty'];
const heldAdvice = [{}, null, [], 5, 'x', { timeout: 15000 }, { timeout: '15000' }, { interval: 0 }, { reconnect: 'none' }];
const immediateAdvice = [{ timeout: 0 }, { timeout: -5 }, { timeout: null }, { timeout: 'x' }, { timeout: '' },
  { timeout: false }, { timeout: {} }, { timeout: [] }, { timeout: 0.1 }];

export const cases = [
  failing('plain', connect({})),
  failing('with an id', connect({ id: '4' })),
  failing('with unknown fields', connect({ id: '4', ext: { ack: 1 }, data: 5, successful: false, other: 'x' })),
  failing('with a field error', connect({ id: '4', error: 'no' })),
  failing('without a client id', without('clientId', { id: '1' })),
  failing('without a connection type', without('connectionType')),
  failing('bare', { channel: '/meta/connect' }),
  failing('unknown client and unknown type', connect({ clientId: 'nope', connectionType: 'iframe' })),
  failing('unknown client without type', { channel: '/meta/connect', clientId: 'nope' }),
  failing('no client and unknown type', { channel: '/meta/connect', connectionType: 'iframe' }),
  failing('unknown client of type eventsource', { channel: '/meta/connect', clientId: 'nope', connectionType: 'eventsource' }),
  ...connectionTypes.map((connectionType) =>
    failing(`type ${JSON.stringify(connectionType)}`, connect({ connectionType, id: '1' }))),
  ...clientIds.map((clientId) =>
    failing(`client id ${JSON.stringify(clientId)}`, connect({ clientId, id: '1' }))),
  ...heldAdvice.map((advice) => ({
    name: `is held with advice ${JSON.stringify(advice)}`,
    steps: [session('alice', '/held'), held('connect', [connect({ advice })]), publish('/held'), answer('connect')],
  })),
  ...immediateAdvice.map((advice) => ({
    name: `is not held with advice ${JSON.stringify(advice)}`,
    steps: [session('alice', '/not-held'), held('connect', [connect({ advice })]), publish('/not-held'),
      answer('connect'), collect('alice')],
  })),
  {
    name: 'is not held with type eventsource',
    steps: [session('alice', '/stream'),
      held('connect', [connect({ connectionType: 'eventsource', advice: { timeout: 15000 } })]),
      publish('/stream'), answer('connect'), collect('alice')],
  },
  ...[{}, { advice: { timeout: 15000 } }].map((advice) => ({
    name: `the first connect of a session is answered at once, asked ${JSON.stringify(advice)}`,
    steps: [newSession('alice'), held('first', [connectMessage('alice', advice)]), answer('first', { fayeSilent: true }),
      post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/first' }]),
      publish('/first'), answer('first'), collect('alice')],
    differs: {
      id: 'D1',
      ours: ([silence, subscribed, woken, empty]) => [
        { ...empty, what: silence.what }, subscribed, { what: woken.what, outcome: 'was sent before' },
        { ...woken, what: empty.what },
      ],
    },
  })),
  { name: 'the first connect that asks for no hold', steps: [newSession('alice'), collect('alice'), collect('alice')] },
];
