// Waits for what can only be asked for, again and again. It has no bound of its own: the test's watchdog is the only
// clock.

import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MILLISECONDS = 20;

/** What is waited for now, for the message of a test that waited in vain. */
const pending = new Set();

/** Counts the tests; who waits belongs to one of them. */
let generation = 0;

/** When a test is over, nobody waits any more. */
export function abandonWaiting() {
  generation += 1;
}

export const describeWaiting = () => [...pending].map((what) => `still waiting until ${what}`).join('\n');

/**
 * Asks until the answer is true, or something that counts as true, and gives it.
 *
 * @param what  what is waited for, as the end of "waiting until …"
 */
export async function until(what, ask) {
  const mine = generation;
  pending.add(what);
  try {
    for (;;) {
      const answer = await ask();
      if (answer) return answer;
      if (mine !== generation) throw new Error(`the test ended before ${what}`);
      await pause(PAUSE_MILLISECONDS);
    }
  } finally {
    pending.delete(what);
  }
}
