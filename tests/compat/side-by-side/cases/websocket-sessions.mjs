// Which socket belongs to which session: binding, disconnecting, closing, and moving between transports.

import { rearranged } from '../differences.mjs';
import { longTimeoutSeconds } from '../harness/servers.mjs';
import {
  answer, atOnce, collect, connectMessage, handshakeMessage, held, newSession, post, publish, session,
} from '../harness/steps.mjs';
import { closed, cut, drain, ended, receive, send, sendClose, socket } from '../harness/stream-steps.mjs';

const connect = (name = 'alice', extra) => connectMessage(name, { connectionType: 'websocket', ...atOnce, ...extra });
const heldConnect = (extra) => connectMessage('alice', { connectionType: 'websocket', ...extra });
const bind = (name = 'alice', ws = 'ws') => [socket(ws), send(ws, [connect(name)]), receive(ws)];
const disconnect = (extra) => ({ channel: '/meta/disconnect', clientId: '{{alice}}', ...extra });
const success = `"advice":{"reconnect":"retry","interval":0,"timeout":${longTimeoutSeconds * 1000}}`;
const reply = (id) => `[{"id":"${id}","clientId":"<id 1>","channel":"/meta/connect","successful":true,${success}}]`;

export const cases = [
  {
    name: 'a subscription over a socket does not bind it',
    steps: [session('alice'), socket('ws'),
      send('ws', [{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/a' }]), receive('ws'),
      publish('/a'), drain('ws'), collect('alice')],
  },
  {
    name: 'a publication over a socket does not bind it',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [{ channel: '/b', data: 1, clientId: '{{alice}}' }]),
      receive('ws'), publish('/a'), drain('ws'), collect('alice')],
  },
  {
    name: 'a handshake over a socket does not bind it',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [{ ...handshakeMessage, clientId: '{{alice}}' }]), receive('ws'),
      publish('/a'), drain('ws'), collect('alice')],
  },
  {
    name: 'a disconnect closes the bound socket',
    steps: [session('alice'), ...bind(), send('ws', [disconnect({ id: '3' })]), closed('ws', { reason: true })],
  },
  {
    name: 'a disconnect over HTTP closes the bound socket',
    steps: [session('alice'), ...bind(), post([disconnect()]), closed('ws', { reason: true })],
  },
  {
    name: 'a disconnect answers the held connect before it closes',
    steps: [session('alice'), socket('ws'), send('ws', [heldConnect({ id: '2' })]), drain('ws'),
      send('ws', [disconnect({ id: '3' })]), closed('ws', { reason: true })],
    differs: { id: 'D4', ours: rearranged(0, { what: 'frame on ws', text: reply('2') }, 1, 2) },
  },
  {
    name: 'a disconnect of a session that never bound the socket leaves it open',
    steps: [session('alice'), socket('ws'), send('ws', [disconnect()]), receive('ws'), drain('ws')],
  },
  {
    name: 'a failing disconnect leaves the socket open',
    steps: [session('alice'), ...bind(), send('ws', [disconnect({ clientId: 'nope' })]), receive('ws'), drain('ws')],
  },
  {
    name: 'a connect of an unknown session leaves the socket open',
    steps: [socket('ws'), send('ws', [connect('nobody', { clientId: 'nope' })]), receive('ws'), drain('ws')],
  },
  {
    name: 'a connect that fails for its type does not bind the socket',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [connect('alice', { connectionType: 'iframe' })]), receive('ws'),
      publish('/a'), drain('ws')],
    differs: { id: 'D19', ours: rearranged(0, 2) },
  },
  {
    name: 'what is published after the socket was closed waits',
    steps: [session('alice', '/a'), ...bind(), sendClose('ws', 1000), ended('ws'), publish('/a'), collect('alice')],
  },
  {
    name: 'what is published after the socket was cut waits',
    steps: [session('alice', '/a'), ...bind(), cut('ws'), publish('/a'), collect('alice')],
  },
  {
    name: 'a held connect of a socket that was cut does not hinder the next',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [heldConnect()]), drain('ws'), cut('ws'),
      publish('/a', 1), post([connectMessage('alice')]), collect('alice')],
  },
  {
    name: 'another socket goes on where the first was closed',
    steps: [session('alice', '/a'), ...bind(), sendClose('ws', 1000), ended('ws'), publish('/a', 1),
      ...bind('alice', 'next').slice(0, 2), receive('next', 2), publish('/a', 2), receive('next'), drain('next')],
  },
  {
    name: 'the newest of two sockets gets the pushes',
    steps: [session('alice', '/a'), ...bind('alice', 'old'), ...bind('alice', 'new'), publish('/a'), receive('new'),
      drain('new'), drain('old')],
  },
  {
    name: 'a second socket ends the held connect of the first',
    steps: [session('alice', '/a'), socket('old'), send('old', [heldConnect({ id: '1' })]), drain('old'),
      socket('new'), send('new', [heldConnect({ id: '2' })]), drain('new'),
      receive('old', 1, { fayeCount: 0 }), drain('old'), publish('/a'), receive('new')],
    differs: { id: 'D3', ours: rearranged(0, 1, { what: 'frame on old', text: reply('1') }, 2, 3) },
  },
  {
    name: 'a socket takes over from a polling connect',
    steps: [session('alice', '/a'), held('polling', [connectMessage('alice', { id: '1' })]),
      socket('ws'), send('ws', [heldConnect({ id: '2' })]), drain('ws'),
      answer('polling', { fayeSilent: true }), publish('/a'), receive('ws'), drain('ws')],
    differs: { id: 'D3', ours: (observations) => observations.map((observation) => (observation.what === 'reply to polling'
      ? {
        what: observation.what,
        status: 200,
        headers: {
          'cache-control': 'no-cache, no-store',
          'content-length': 'fits',
          'content-type': 'application/json; charset=utf-8',
          'x-content-type-options': 'nosniff',
        },
        body: reply('1'),
      }
      : observation)) },
  },
  {
    name: 'polling goes on where a socket was closed',
    steps: [session('alice', '/a'), ...bind(), sendClose('ws', 1000), ended('ws'),
      held('polling', [connectMessage('alice')]), publish('/a'), answer('polling')],
  },
  {
    name: 'a polling connect takes the session from a bound socket',
    steps: [session('alice', '/a'), ...bind(), collect('alice'), publish('/a'), drain('ws')],
    differs: { id: 'D20', ours: rearranged(0, 1, 3) },
  },
  {
    name: 'a second session on a socket takes it from the first',
    steps: [session('alice', '/a'), session('bob', '/a'), ...bind('alice'), send('ws', [connect('bob')]), receive('ws'),
      publish('/a'), receive('ws'), drain('ws'), collect('alice')],
  },
  {
    name: 'a second session on a socket ends the held connect of the first',
    steps: [session('alice'), session('bob'), socket('ws'), send('ws', [heldConnect({ id: '1' })]), drain('ws'),
      send('ws', [connect('bob', { id: '2' })]), receive('ws', 2), drain('ws')],
  },
  {
    name: 'the disconnect of a session that lost its socket leaves it open',
    steps: [session('alice'), session('bob', '/a'), ...bind('alice'), send('ws', [connect('bob')]), receive('ws'),
      post([disconnect()]), drain('ws'), publish('/a'), receive('ws'), drain('ws')],
  },
  {
    name: 'two sessions on two sockets',
    steps: [session('alice', '/a'), session('bob', '/a', '/b'), ...bind('alice', 'one'), ...bind('bob', 'two'),
      publish('/a'), publish('/b'), receive('one'), receive('two', 2), drain('one'), drain('two')],
  },
  {
    name: 'a session that never connected over HTTP',
    steps: [newSession('alice'), ...bind(), post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/a' }]),
      publish('/a'), receive('ws'), drain('ws')],
  },
  {
    name: 'the pushes of one session over another socket are those of its own',
    steps: [session('alice', '/a'), socket('ws'), send('ws', [{ channel: '/a', data: 1 }]), receive('ws'), drain('ws'),
      collect('alice')],
  },
];
