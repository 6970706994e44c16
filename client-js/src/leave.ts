/**
 * The end of a session because the page goes away: one message, and no wait for the reply.
 */

import { DISCONNECT } from './channel.js';
import { failure } from './error.js';
import type { Message } from './message.js';
import type { Session } from './session.js';

/** `farewell` sends the message where the transport in use has no way for a last one. */
export function leave(session: Session, farewell: ((message: Message) => void) | undefined): void {
  const { dispatcher: { selector }, phase, pipeline } = session;
  if (phase !== 'connected' || selector.isDisabled('autodisconnect')) return;
  const { clientId, current } = selector;
  pipeline.pass('outgoing', { channel: DISCONNECT, clientId: clientId!, id: 'bye' }, (message) => {
    if (message && current?.transport?.farewell) current.transport.farewell(message);
    else if (message) farewell?.(message);
  });
  session.end(failure('Page closed'));
}
