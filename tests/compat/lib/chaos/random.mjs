// A small generator of pseudorandom numbers (mulberry32), so that a seed gives the same plan on every machine.

/** Mixes a text into a number of 32 bits (FNV-1a). */
function hash(text) {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value >>> 0;
}

export class Random {
  #state;

  /** @param parts  what the sequence depends on: a seed, and names of its users */
  constructor(...parts) {
    this.#state = hash(parts.join('/'));
    // Similar seeds begin with similar numbers.
    for (let count = 0; count < 4; count += 1) this.next();
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(first, last) {
    return first + Math.floor(this.next() * (last - first + 1));
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** So many different elements, in the order of the list. */
  some(list, count) {
    const left = [...list];
    while (left.length > count) left.splice(this.between(0, left.length - 1), 1);
    return left;
  }

  /** @param weights  { name: weight } */
  weighted(weights) {
    const entries = Object.entries(weights);
    let rest = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      rest -= weight;
      if (rest < 0) return name;
    }
    return entries.at(-1)[0];
  }
}
