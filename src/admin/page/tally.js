// Counts what one client received of the numbered messages: received, waiting,
// lost, twice. It computes from the numbers alone and knows no connection.
//
// A number counts as sent once the server has accepted it. An accepted number
// that was not received is *lost* if the client has received a later one, since
// messages of one publisher arrive in order; otherwise it is *waiting*. A lost
// number that arrives after all is no longer lost.

export class Tally {
  #first = Infinity;
  #highest = 0;
  /** Accepted and not received. */
  #missing = new Set();
  /** Received before the server's reply to the publication. */
  #early = new Set();
  #received = 0;
  #duplicates = 0;
  #late = 0;

  /** Counts from this number on. */
  begin(first) {
    this.#first = Math.min(this.#first, first);
  }

  get hasBegun() { return this.#first < Infinity; }

  /** The server accepted the number. */
  accept(number) {
    if (number < this.#first || this.#early.delete(number)) return;
    this.#missing.add(number);
  }

  /** The client received the number; `isSettled` says whether the server's reply to it arrived before. */
  receive(number, isSettled) {
    if (number < this.#first) return;
    if (this.#missing.delete(number)) {
      if (number < this.#highest) this.#late += 1;
    } else if (isSettled || this.#early.has(number)) {
      this.#duplicates += 1;
      return;
    } else {
      this.#early.add(number);
    }
    this.#received += 1;
    this.#highest = Math.max(this.#highest, number);
  }

  /** The counts so far; `sent` is what the server accepted, or delivered without its reply. */
  get counts() {
    let lost = 0;
    for (const number of this.#missing) if (number < this.#highest) lost += 1;
    return {
      sent: this.#received + this.#missing.size,
      received: this.#received,
      waiting: this.#missing.size - lost,
      lost,
      duplicates: this.#duplicates,
      outOfOrder: this.#late,
    };
  }

  get last() { return this.#highest; }

  /** 'received', 'waiting', 'lost' or 'none' (not counted, or not accepted). */
  stateOf(number, isAccepted) {
    if (number < this.#first) return 'none';
    if (this.#missing.has(number)) return number < this.#highest ? 'lost' : 'waiting';
    return isAccepted || this.#early.has(number) ? 'received' : 'none';
  }
}
