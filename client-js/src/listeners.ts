/**
 * What the parts of the client tell those above them: the selector the dispatcher, the dispatcher the session, the
 * session the client.
 */

import type { Candidate } from './candidate.js';
import type { ConnectionEvent } from './connection.js';
import type { Settle } from './envelope.js';
import type { FayeError } from './error.js';
import type { Message } from './message.js';
import type { Transport } from './transport/transport.js';

export interface SelectorListener {
  /** Another transport is in use now, or none. */
  switched(): void;
  ready(): void;
  received(transport: Transport, messages: Message[]): void;
  /** The transport in use failed, with these messages; without messages: with all that it carried. */
  failed(candidate: Candidate, transport: Transport, messages: Message[] | undefined, error: FayeError): void;
  /** Messages have to go another way, but the transport in use is not at fault. */
  moved(transport: Transport, messages: Message[] | undefined): void;
  /** A socket is open, and the server has answered over it. */
  answered(): void;
  /** Whether the server is there, from a transport that hears of it from others. */
  relayed(isUp: boolean, error: FayeError | undefined, retryIn: number | undefined): void;
  /** No transport is open or being opened. */
  stranded(): void;
  /** The session ended with its transport. */
  lost(error: FayeError): void;
  refused(messages: Message[], status: number): void;
}

export interface DispatcherListener {
  /** A message, and what waits for it if it is a reply. */
  received(message: Message, settle: Settle | undefined): void;
  switched(): void;
  up(): void;
  /** Nothing is sent for so many milliseconds. */
  down(error: FayeError, retryIn: number, isFirst: boolean, failed: Candidate | undefined): void;
  lost(error: FayeError): void;
}

export interface SessionListener {
  report(event: ConnectionEvent): void;
  up(): void;
  down(): void;
  /** We begin to look for the server. */
  starts(): void;
  /** A session has begun; the server knows none of our subscriptions. */
  began(): void;
  /** It has ended: by ourselves, or because the server wants us no more. */
  ended(error: FayeError): void;
  deliver(message: Message): void;
  /** The server said, without being asked, that subscriptions have ended. */
  refused(message: Message): void;
}
