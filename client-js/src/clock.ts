/**
 * Timers, and calls into code that is not ours: neither absurd numbers nor exceptions from outside get further.
 */

export type Timer = ReturnType<typeof setTimeout>;

/** What a timer can hold. A longer one would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Calls `act` after so many milliseconds, at most 24 days. */
export function later(act: () => void, milliseconds: number): Timer {
  return setTimeout(act, Math.min(Math.max(milliseconds || 0, 0), LONGEST));
}

/** Throws after the current work is done, so that a mistake is seen and harms nobody else. */
export function throwLater(error: unknown): void {
  setTimeout(() => {
    throw error;
  }, 0);
}

/** Calls what the application gave. What it throws is thrown later; then `otherwise` is returned. */
export function attempt<Result>(act: () => Result): Result | undefined;
export function attempt<Result>(act: () => Result, otherwise: Result): Result;
export function attempt<Result>(act: () => Result, otherwise?: Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    throwLater(error);
    return otherwise;
  }
}
