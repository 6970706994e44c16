/**
 * A message on its way, with what belongs to it until it is answered.
 */

import type { FayeError } from './error.js';
import type { Message } from './message.js';
import type { Scheduler } from './scheduler.js';
import type { Transport } from './transport/transport.js';

/** Is given the reply, or why there is none. */
export type Settle = (reply: Message | undefined, error: FayeError | undefined) => void;

export interface Envelope {
  readonly message: Message;
  readonly scheduler: Scheduler;
  readonly settle: Settle;
  /** What carries it now; undefined while it waits. */
  transport: Transport | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** It goes in a request of its own: one with others was refused. */
  isAlone: boolean;
  /** A connect that is to be answered at once, to see whether the transport works. */
  isTrial: boolean;
}
