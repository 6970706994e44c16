/**
 * What a tab and the shared worker say to each other.
 */

import type { Message } from '../message.js';

/** Options that a worker can be given. */
export interface SharedOptions {
  timeout?: number | undefined;
  interval?: number | undefined;
  retry?: number | undefined;
  maxRetry?: number | undefined;
  ack?: boolean | undefined;
  replay?: unknown;
  endpoints?: Record<string, string> | undefined;
}

export type ToWorker =
  | { type: 'open'; url: string; options: SharedOptions; headers: Record<string, string>; lock: string | undefined }
  /** As JSON, because what is no JSON cannot be posted, and would arrive otherwise than from a server. */
  | { type: 'send'; text: string }
  | { type: 'check' }
  | { type: 'close' };

export type ToTab =
  | { type: 'ready' }
  | { type: 'messages'; messages: Message[] }
  | { type: 'state'; up: boolean; reason: string; retryIn: number | undefined };
