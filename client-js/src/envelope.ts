/**
 * A message on its way, with what belongs to it until it is answered.
 */

import type { Candidate } from './candidate.js';
import { CONNECT } from './channel.js';
import type { Timer } from './clock.js';
import type { FayeError } from './error.js';
import type { Message } from './message.js';
import type { Schedule } from './schedule.js';
import type { Transport } from './transport/transport.js';

/** Receives the reply, if there is one, and an error unless the reply is successful. */
export type Settle = (reply: Message | undefined, error: FayeError | undefined) => void;

export interface Envelope {
  readonly message: Message;
  readonly schedule: Schedule;
  settle: Settle;
  /** What carries it now; undefined while it waits. */
  transport: Transport | undefined;
  timer?: Timer;
  /** The session that it was sent in, and how many it was sent in. */
  clientId: string | undefined;
  sessions: number;
  /** It goes in a request of its own: one with others was refused. */
  isAlone: boolean;
  /** Nobody waits for the reply, but what comes with it counts. */
  isRetired: boolean;
  /** What it may bring is not waited for any more. */
  isOverdue: boolean;
  /** A connect that is to be answered at once, to see whether the server is there. */
  isTrial: boolean;
}

/** A message that waits to be sent. */
export function enclose(message: Message, schedule: Schedule, settle: Settle): Envelope {
  return {
    message, schedule, settle,
    transport: undefined, clientId: undefined, sessions: 0,
    isAlone: false, isTrial: false, isRetired: false, isOverdue: false,
  };
}

export const isConnect = ({ channel }: Message): boolean => channel === CONNECT;

/**
 * The session and the transport may be others than when the message was made. A connect after a failure is to be
 * answered at once, so that we know that the server is there.
 */
export function stamp(envelope: Envelope, candidate: Candidate, clientId: string | undefined, isUp: boolean): void {
  const { message } = envelope;
  if (message.clientId !== undefined) message.clientId = clientId!;
  if (envelope.clientId !== clientId) envelope.sessions += 1;
  envelope.clientId = clientId;
  if (!isConnect(message)) return;
  message.connectionType = candidate.kind.type;
  // Who answers for the server answers at once anyway.
  const isTrial = !isUp && !candidate.kind.ownsSession;
  if (isTrial) message.advice = { timeout: 0 };
  else if (envelope.isTrial) delete message.advice;
  envelope.isTrial = isTrial;
}
