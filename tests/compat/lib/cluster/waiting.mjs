// Waits for what can only be asked for, again and again. It has no bound of its own: the test's watchdog is the only
// clock.

import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MILLISECONDS = 20;

/** What is waited for now, for the message of a test that waited in vain. */
const pending = new Set();

export const describeWaiting = () => [...pending].map((what) => `still waiting until ${what}`).join('\n');

/**
 * Asks until the answer is true, or something that counts as true, and gives it.
 *
 * @param what  what is waited for, as the end of "waiting until …"
 */
export async function until(what, ask) {
  pending.add(what);
  try {
    for (;;) {
      const answer = await ask();
      if (answer) return answer;
      await pause(PAUSE_MILLISECONDS);
    }
  } finally {
    pending.delete(what);
  }
}
