/**
 * What the selector knows of each transport, and for how long one that does not work is left alone.
 */

import type { Address, Kind, Transport } from './transport/transport.js';

/** One kind of transport, and how it has fared. Times are milliseconds since 1970. */
export interface Candidate {
  readonly kind: Kind;
  readonly endpoint: Address;
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
  timer?: ReturnType<typeof setTimeout>;
}

/** A socket that ends sooner, so many times in a row, does not work. */
const SHORT_LIFE = 5_000;
export const MOST_CUTS = 3;
/** How long one that does not work is left alone: doubled each time, up to the limit. */
const SHUN_TIME = 30_000;
/** The same for one that has worked: a restart of the server looks like that for a moment. */
const SHORT_SHUN_TIME = 2_000;
const SHUN_LIMIT = 600_000;

/** Whether it worked, and did not break each time soon after it had begun to. */
export function hasHeld(candidate: Candidate): boolean {
  if (!candidate.isProven) return false;
  candidate.cuts = Date.now() - candidate.openedAt < SHORT_LIFE ? candidate.cuts + 1 : 0;
  if (candidate.cuts === 0) candidate.shunned = 0;
  return candidate.cuts < MOST_CUTS;
}

export function shun(candidate: Candidate): void {
  candidate.shunnedAt = Date.now();
  const first = candidate.hasWorked && candidate.cuts === 0 ? SHORT_SHUN_TIME : SHUN_TIME;
  candidate.shunnedUntil = candidate.shunnedAt + Math.min(first * 2 ** candidate.shunned, SHUN_LIMIT);
  candidate.shunned += 1;
}

export function spare(candidate: Candidate): void {
  candidate.shunnedUntil = candidate.shunned = candidate.cuts = 0;
}
