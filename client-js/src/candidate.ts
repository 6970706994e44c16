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
  /** Whether the server has answered over it since it was opened. */
  isProven: boolean;
  /** Whether the server ever answered over it. */
  hasWorked: boolean;
  /** How often in a row it ended soon after it was opened. */
  cuts: number;
  shunnedAt: number;
  shunnedUntil: number;
  shunned: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}
