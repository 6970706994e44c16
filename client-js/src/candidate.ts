/**
 * What the selector knows of each transport.
 */

import type { Kind, Transport } from './transport/transport.js';

/** One kind of transport, and how it has fared. Times are milliseconds since 1970. */
export interface Candidate {
  readonly kind: Kind;
  readonly endpoint: URL;
  transport: Transport | undefined;
  isOpen: boolean;
  openedAt: number;
  /** Whether a reply came over it since it was opened. */
  isProven: boolean;
  /** Whether a reply ever came over it. */
  hasWorked: boolean;
  shunnedAt: number;
  shunnedUntil: number;
  shunned: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}
