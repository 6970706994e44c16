/**
 * Publishes one message, and settles its promise in every case.
 */

import { type FayeError, failure, parseError } from './error.js';
import type { Message } from './message.js';
import { Publication, type PublishOptions } from './publication.js';
import type { Session } from './session.js';

/** How often a publication goes on in a new session when the server forgot the old one. */
const MOST_SESSIONS = 3;

export function publish(session: Session, content: Message, options: PublishOptions): Publication {
  const publication = new Publication();
  const fail = (error: FayeError): void => publication.setDeferredStatus('failed', error);
  try {
    JSON.stringify(content);
  } catch (error) {
    fail(failure(`The data cannot be written as JSON: ${String(error)}`));
    return publication;
  }
  const seconds = options.deadline;
  const deadline = seconds === undefined ? undefined : Date.now() + seconds * 1000;
  let sessions = 0;
  let id: string | undefined;
  const send = (): void => {
    if (publication.isSettled) return;
    sessions += 1;
    const clientId = session.clientId!;
    const message: Message = { ...content, clientId };
    id = session.transmit(message, { attempts: options.attempts, deadline }, (reply, error) => {
      if (reply?.successful) return publication.setDeferredStatus('succeeded');
      const hasEnded = session.phase !== 'connected' || session.clientId !== clientId;
      if (reply && hasEnded && sessions < MOST_SESSIONS) session.whenConnected(send, fail, false);
      else fail(error ?? parseError(reply?.error));
    });
  };
  if (seconds !== undefined) {
    const expired = failure(`The message was not published within ${seconds} s`);
    const timer = setTimeout(() => {
      if (id !== undefined) session.dispatcher.abort(id, expired);
      fail(expired);
    }, seconds * 1000);
    void publication.then(() => clearTimeout(timer), () => clearTimeout(timer));
  }
  session.whenConnected(send, fail, false);
  return publication;
}
