// The one ordered record of what a client sent, received, delivered and
// reported. Tests wait for entries in it and, when they wait in vain, show it.

const SHOWN_ENTRIES = 40;
const SHOWN_CHARACTERS_PER_ENTRY = 300;

export class EventLog {
  #waiters = new Set();
  #failure = null;

  entries = [];

  /** A position in the log: pass it on to look only at what comes later. */
  mark() {
    return this.entries.length;
  }

  add(entry) {
    this.entries.push(entry);
    for (const waiter of [...this.#waiters]) waiter.examine(entry);
  }

  /** The client is gone: every present and future wait fails with this error. */
  fail(error) {
    this.#failure = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  since(mark, matches = () => true) {
    return this.entries.slice(mark).filter(matches);
  }

  /**
   * Resolves with the first entry at or after `mark` that matches. There is no
   * bound here: the test's watchdog is the only clock, and it shows the log.
   */
  waitFor(matches, mark = 0) {
    const present = this.entries.slice(mark).find(matches);
    if (present) return Promise.resolve(present);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const waiter = {
        reject,
        examine: (entry) => {
          if (!matches(entry)) return;
          this.#waiters.delete(waiter);
          resolve(entry);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  describe() {
    const shown = this.entries.slice(-SHOWN_ENTRIES).map((entry) => {
      const text = JSON.stringify(entry);
      return text.length > SHOWN_CHARACTERS_PER_ENTRY ? `${text.slice(0, SHOWN_CHARACTERS_PER_ENTRY)}…` : text;
    });
    const omitted = this.entries.length - shown.length;
    if (omitted > 0) shown.unshift(`(${omitted} earlier entries)`);
    return shown.join('\n');
  }
}
