// RFC 6455 below Bayeux: fragments, control frames, closing, and breaches of the protocol.

import { settle } from '../harness/steps.mjs';
import { closed, drain, ended, receive, sendBytes, sendClose, socket } from '../harness/stream-steps.mjs';
import { closePayload, frame, opcodes } from '../harness/websocket-client.mjs';

const { continuation, text, binary, close, ping, pong } = opcodes;
const message = '[{"channel":"/p","data":"é☃😀","id":"é☃"}]';
const bytes = Buffer.from(message);
const part = (from, to, options) => frame(bytes.subarray(from, to), options);

const good = (name, ...pieces) => ({ name, steps: [socket('ws'), sendBytes('ws', ...pieces), drain('ws')] });
const broken = (name, ...pieces) => ({ name, steps: [socket('ws'), sendBytes('ws', ...pieces), closed('ws')] });
const closing = (name, ...pieces) => ({ name, steps: [socket('ws'), sendBytes('ws', ...pieces), closed('ws', { reason: true }), ended('ws')] });
const unmasked = (name, piece) => ({
  ...broken(name, piece),
  differs: { id: 'D15', ours: (observations) => observations.map((observation) => ({ ...observation, close: 1002 })) },
});

const whole = part(0);
const halves = [whole.subarray(0, 7), whole.subarray(7)];
const badTexts = ['ff', 'c3', 'c080', 'e28282ff', 'eda080', 'f4908080', 'f5808080', '80', 'c328'];
const echoedCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const refusedCodes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535];

export const cases = [
  good('two fragments', part(0, 9, { final: false }), part(9, undefined, { opcode: continuation })),
  good('a fragment a byte', ...Array.from(bytes, (_, index) => part(index, index + 1,
    { opcode: index === 0 ? text : continuation, final: index === bytes.length - 1 }))),
  good('an empty last fragment', part(0, undefined, { final: false }), frame('', { opcode: continuation })),
  good('an empty first fragment', frame('', { final: false }), part(0, undefined, { opcode: continuation })),
  good('fragments of a binary message', part(0, 9, { final: false, opcode: binary }), part(9, undefined, { opcode: continuation })),
  good('a ping between two fragments', part(0, 9, { final: false }), frame('x', { opcode: ping }), part(9, undefined, { opcode: continuation })),
  good('a character over two fragments', part(0, 27, { final: false }), part(27, undefined, { opcode: continuation })),
  good('two frames in one packet', part(0), part(0)),
  {
    name: 'a frame in two packets',
    steps: [socket('ws'), sendBytes('ws', halves[0]), settle(2), sendBytes('ws', halves[1]), drain('ws')],
  },
  good('a ping', frame('hello', { opcode: ping })),
  good('an empty ping', frame('', { opcode: ping })),
  good('a ping of 125 bytes', frame('x'.repeat(125), { opcode: ping })),
  good('a ping of bytes that are no text', frame(Buffer.from([0xff, 0x00, 0x80]), { opcode: ping })),
  good('two pings', frame('1', { opcode: ping }), frame('2', { opcode: ping })),
  good('a pong nobody asked for', frame('x', { opcode: pong })),
  good('an empty pong', frame('', { opcode: pong })),

  closing('a close without a code', frame('', { opcode: close })),
  ...echoedCodes.map((code) => closing(`a close with ${code}`, frame(closePayload(code), { opcode: close }))),
  closing('a close with a reason', frame(closePayload(1000, 'good bye'), { opcode: close })),
  closing('a close with a reason that is not ASCII', frame(closePayload(4321, 'é☃'), { opcode: close })),
  closing('a close with the longest reason', frame(closePayload(3000, 'x'.repeat(123)), { opcode: close })),
  ...refusedCodes.map((code) => broken(`a close with ${code}`, frame(closePayload(code), { opcode: close }))),
  broken('a close of one byte', frame(Buffer.from([3]), { opcode: close })),
  {
    ...broken('a close with a reason that is not UTF-8', frame(Buffer.from([0x03, 0xe8, 0xff]), { opcode: close })),
    differs: { id: 'D15', ours: (observations) => observations.map((observation) => ({ ...observation, close: 1007 })) },
  },
  {
    name: 'a message behind a close is not answered',
    steps: [socket('ws'), sendBytes('ws', frame(closePayload(1000), { opcode: close }), part(0)), closed('ws', { reason: true }), ended('ws')],
  },
  { name: 'the reply to a message before a close', steps: [socket('ws'), sendBytes('ws', part(0)), receive('ws'), sendClose('ws', 1000), closed('ws', { reason: true }), ended('ws')] },

  ...[0x40, 0x20, 0x10, 0x70].map((reserved) => broken(`reserved bits ${reserved.toString(16)}`, frame(message, { reserved }))),
  broken('reserved bits of a ping', frame('x', { opcode: ping, reserved: 0x40 })),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => broken(`opcode ${opcode}`, frame(message, { opcode }))),
  broken('a continuation of nothing', frame('x', { opcode: continuation })),
  broken('a text inside a fragmented message', part(0, 9, { final: false }), part(0)),
  broken('a binary inside a fragmented message', part(0, 9, { final: false }), frame('x', { opcode: binary })),
  broken('a ping in fragments', frame('x', { opcode: ping, final: false })),
  broken('a close in fragments', frame(closePayload(1000), { opcode: close, final: false })),
  broken('a ping of 126 bytes', frame('x'.repeat(126), { opcode: ping })),
  broken('a close of 126 bytes', frame(closePayload(1000, 'x'.repeat(124)), { opcode: close })),
  ...badTexts.map((hex) => broken(`text of the bytes ${hex}`, frame(Buffer.from(hex, 'hex')))),
  broken('text that is not UTF-8 over two fragments', frame(Buffer.from('e2', 'hex'), { final: false }), frame('x', { opcode: continuation })),
  broken('a frame beyond the limit', frame('', { length: 0x4000000 })),
  broken('a frame of 2^40 bytes', frame('', { length: 2 ** 40 })),
  unmasked('an unmasked text', frame(message, { masked: false })),
  unmasked('an unmasked ping', frame('x', { opcode: ping, masked: false })),
  unmasked('an unmasked close', frame(closePayload(1000), { opcode: close, masked: false })),
];
