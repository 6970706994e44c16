/**
 * What a client remembers over a reload of its page: maps by the names of channels, in the `sessionStorage` of the tab. Storage
 * that is absent, denied, full or garbled is no error: the client then begins as it does without.
 */

/** The most channels that are remembered. */
export const MOST_CHANNELS = 1_000;
const MOST_CHARACTERS = 500_000;

/** Returns the maps that are remembered, with whatever values somebody has written there: the server checks them. */
export function recall(key: string): Map<string, any>[] {
  try {
    return JSON.parse(sessionStorage.getItem(key)!).map((entries: [string, unknown][]) => new Map(entries));
  } catch {
    return [];
  }
}

/** Remembers, unless it is too much. What was remembered before is older, and no less true. */
export function remember(key: string, maps: Map<string, unknown>[]): void {
  try {
    const text = JSON.stringify(maps.map((map) => [...map].slice(-MOST_CHANNELS)));
    if (text.length < MOST_CHARACTERS) sessionStorage.setItem(key, text);
  } catch {
    // The next reload begins where an earlier one did.
  }
}
