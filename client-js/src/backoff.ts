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
  if (failures <= 1) return 1000 * Math.min(FIRST_SECONDS, retry) * random();
  const longest = Math.min(retry * 2 ** Math.min(failures - 2, 30), Math.max(limit, retry));
  return 1000 * longest * (0.5 + random() / 2);
}
