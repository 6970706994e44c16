/**
 * Publishes one message, and settles its promise in every case.
 */

import { later } from './clock.js';
import { type FayeError, failure } from './error.js';
import { copyOf, type Message } from './message.js';
import { Publication, type PublishOptions } from './publication.js';
import type { Session } from './session.js';

export function publish(session: Session, content: Message, options: PublishOptions): Publication {
  const publication = new Publication();
  const fail = (error: FayeError): void => publication.spoil(error);
  // Now and not when there is a session: the application may change its objects after this call.
  const copy = copyOf(content, (reason) => fail(failure(reason)));
  if (copy?.data === undefined) {
    // Without a copy it has failed already, and only the first reason counts.
    fail(failure(`No data: ${typeof content.data}`));
    return publication;
  }
  const { attempts, deadline: seconds } = options;
  const deadline = seconds ? Date.now() + seconds * 1000 : undefined;
  let id: string | undefined;
  const send = (isSecond = false): void => {
    if (publication.isSettled) return;
    const message: Message = { ...copy, clientId: session.clientId! };
    id = session.transmit(message, { attempts, deadline }, (reply, error) => {
      if (!error) publication.succeed();
      else if (reply && !isSecond && session.pipeline.mayRetry(message, error)) send(true);
      else fail(error);
    });
  };
  if (seconds && deadline) {
    const expired = failure(`Not settled within ${seconds} s`);
    const expire = (): void => {
      // A timer holds 24 days at most.
      if (Date.now() < deadline) return;
      if (id !== undefined) session.dispatcher.outbox.abort(id, expired);
      fail(expired);
    };
    const timer = later(expire, seconds * 1000);
    void publication.then(() => clearTimeout(timer), () => clearTimeout(timer));
  }
  session.whenConnected(() => send(), fail, false);
  return publication;
}
