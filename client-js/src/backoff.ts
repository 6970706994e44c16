/**
 * How long to wait after a failure. It is pure but for the random number.
 */

const FIRST_SECONDS = 1;

/**
 * The delay in milliseconds after so many failures in a row. The first is short, so that a restart of the server is
 * hardly noticed; the next begin at `retry` and double up to `limit` (seconds). All are random within a range, so
 * that the clients of a server that comes back do not come all at once.
 */
export function delayAfter(failures: number, retry: number, limit: number, random = Math.random): number {
  if (failures < 2) return 1000 * Math.min(FIRST_SECONDS, retry) * random();
  const longest = Math.min(retry * 2 ** (failures - 2), Math.max(limit, retry));
  return 1000 * longest * (0.5 + random() / 2);
}

/** Counts failures in a row, and says how long to wait after each. */
export class Backoff {
  #count = 0;
  #options: { retry: number; maxRetry: number };
  #free: number;

  /** `free` is how many failures cost nothing. */
  constructor(options: { retry: number; maxRetry: number }, free: number) {
    this.#options = options;
    this.#free = free;
  }

  /** One more failure: the milliseconds to wait. */
  next(): number {
    this.#count += 1;
    const counted = this.#count - this.#free;
    return counted > 0 ? delayAfter(counted + 1, this.#options.retry, this.#options.maxRetry) : 0;
  }

  reset(): void {
    this.#count = 0;
  }
}
