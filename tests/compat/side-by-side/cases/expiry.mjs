// Sessions that end because nobody connects. The server's timeout is short; a session lives twice as long.
// Here too is the connect that ends with the timeout of the server.

import { shortTimeoutSeconds } from '../harness/servers.mjs';
import { answer, atOnce, connectMessage, held, newSession, post, publish, session } from '../harness/steps.mjs';
import { closed, drain, events, receive, send, socket, stream } from '../harness/stream-steps.mjs';

export const concurrency = 16;
export const timeoutSeconds = shortTimeoutSeconds;

// Asks until the session is unknown; only the last reply is compared.
const untilUnknown = (name) => async (context) => {
  const start = context.observations.length;
  for (let round = 0; round < 120; round += 1) {
    context.observations.length = start;
    context.origins.length = start;
    await post([{ channel: '/meta/unsubscribe', clientId: `{{${name}}}`, subscription: '/never' }])(context);
    if (context.observations.at(-1).body.includes('401:')) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
};

const afterwards = [
  post([connectMessage('alice', { id: '1', ...atOnce })]),
  post([{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/a' }]),
  post([{ channel: '/meta/disconnect', clientId: '{{alice}}' }]),
];

export const cases = [
  {
    name: 'a held connect ends with the timeout of the server',
    steps: [session('alice'), post([connectMessage('alice', { id: '1' })])],
  },
  { name: 'a session that never connected', steps: [newSession('alice'), untilUnknown('alice'), ...afterwards] },
  { name: 'a session that connected once', steps: [session('alice', '/a'), untilUnknown('alice'), ...afterwards] },
  {
    name: 'a session that publishes and subscribes, but does not connect',
    steps: [session('alice', '/a'), publish('/a'), untilUnknown('alice'), publish('/a'), ...afterwards],
  },
  {
    name: 'a bound socket is closed',
    steps: [session('alice'), socket('ws'), send('ws', [connectMessage('alice', atOnce)]), receive('ws'),
      closed('ws', { reason: true }), ...afterwards],
  },
  {
    name: 'a socket that was never bound stays open',
    steps: [newSession('alice'), socket('ws'),
      send('ws', [{ channel: '/meta/subscribe', clientId: '{{alice}}', subscription: '/a' }]), receive('ws'),
      untilUnknown('alice'), drain('ws')],
  },
  {
    name: 'a stream ends',
    steps: [session('alice'), stream('events', '/faye/{{alice}}'), events('events'), ...afterwards],
  },
  {
    name: 'a connect that is held longer than its session lives is answered',
    steps: [session('alice'), held('long', [connectMessage('alice', { advice: { timeout: 60_000 } })]), untilUnknown('alice'),
      answer('long'), ...afterwards],
  },
  {
    name: 'another session lives on',
    steps: [session('alice'), newSession('bob'), untilUnknown('alice'), newSession('carol'),
      post([connectMessage('carol', atOnce)])],
  },
];
