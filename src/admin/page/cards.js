// What the board knows: cards, and which of two states of a card is the newer.
// Everything that comes from a channel passes `cardFrom`; rubbish stops there.

export const COLUMNS = ['todo', 'doing', 'done'];
export const TEXT_LENGTH = 200;
const MOST_CARDS = 60;
const ID = /^[a-z0-9-]{1,24}$/;
/** Far above what hands can do; a greater counter is rubbish. */
const HIGHEST_VERSION = 1e9;
/** Two windows that change a card at once rarely draw the same number of so many. */
const TIES = 1e6;

/** The same in every window, and older than whatever was done to it. */
const FIRST_CARDS = [
  { id: 'start', column: 'done', text: 'Start the server' },
  { id: 'look', column: 'doing', text: 'Look around on this page' },
  { id: 'window', column: 'todo', text: 'Open a second window next to this one' },
  { id: 'move', column: 'todo', text: 'Move me, and watch the other window' },
  { id: 'curl', column: 'todo', text: 'Move a card with curl' },
];

const isObject = (value) => typeof value === 'object' && value !== null;
const isNumber = (value, from, to) => Number.isFinite(value) && value >= from && value <= to;

/** A later counter wins; of equal ones the greater random number, the same everywhere. */
function isNewer(card, other) {
  return !other || card.version > other.version || (card.version === other.version && card.tie > other.tie);
}

export class Cards {
  #cards = new Map();

  constructor() {
    FIRST_CARDS.forEach((card, place) => this.#cards.set(card.id, { ...card, place, version: 0, tie: 0 }));
  }

  get(id) { return this.#cards.get(id); }

  get isFull() { return this.#cards.size >= MOST_CARDS; }

  /** All cards, as they are sent to other windows. */
  all() { return [...this.#cards.values()]; }

  /** The cards of a column, from top to bottom. */
  inColumn(column) {
    const cards = this.all().filter((card) => card.column === column);
    return cards.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1));
  }

  /** A whole card from foreign data, or null. What is not said stays as it is. */
  #cardFrom(id, data) {
    const known = this.#cards.get(id);
    if (!isObject(data) || typeof id !== 'string' || !ID.test(id)) return null;
    // A back end does not know the counter: what it says is newer than what there is.
    const { column, text = known?.text, version = (known?.version ?? 0) + 1, tie = 0 } = data;
    if (!COLUMNS.includes(column)) return null;
    const { place = this.#endOf(column) } = data;
    const isSound = typeof text === 'string' && text.trim() !== '' && text.length <= TEXT_LENGTH
      && Number.isInteger(version) && isNumber(version, 0, HIGHEST_VERSION)
      && isNumber(tie, 0, TIES) && isNumber(place, -1e9, 1e9);
    return isSound ? { id, column, text, place, version, tie } : null;
  }

  /**
   * Takes foreign data for a card. Says 'taken', 'same', 'older' (this window
   * knows better) or 'rubbish'.
   */
  take(id, data) {
    const card = this.#cardFrom(id, data);
    const known = this.#cards.get(id);
    if (!card || (!known && this.isFull)) return 'rubbish';
    if (isNewer(card, known)) {
      this.#cards.set(id, card);
      return 'taken';
    }
    return isNewer(known, card) ? 'older' : 'same';
  }

  /** Takes another window's whole board; says whether this window knows more. */
  takeAll(cards) {
    if (!Array.isArray(cards) || cards.length > MOST_CARDS) return { taken: [], knowsMore: false };
    const taken = cards.filter((card) => this.take(card?.id, card) === 'taken').map((card) => card.id);
    const versions = Object.fromEntries(cards.filter(isObject).map((card) => [card.id, card.version]));
    // A full board cannot take what it lacks, and telling it again would not end.
    return { taken, knowsMore: cards.length < MOST_CARDS && this.knowsMoreThan(versions) };
  }

  /** How new each card is, for asking the other windows. */
  versions() { return Object.fromEntries(this.all().map(({ id, version }) => [id, version])); }

  knowsMoreThan(versions) {
    if (!isObject(versions)) return true;
    return this.all().some(({ id, version }) => !(versions[id] >= version));
  }

  /** Moves a card to a place among the others of the column; gives the card to publish. */
  move(id, column, index = Infinity) {
    const others = this.inColumn(column).filter((card) => card.id !== id);
    const above = others[Math.min(index, others.length) - 1];
    const below = others[index];
    const place = above && below ? (above.place + below.place) / 2
      : above ? above.place + 1
        : below ? below.place - 1 : 0;
    const known = this.#cards.get(id);
    return this.#write({ ...known, column, place, version: known.version + 1 });
  }

  /** Adds a card at the end of the first column; gives the card to publish. */
  add(text) {
    const id = `card-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
    return this.#write({ id, column: COLUMNS[0], text, place: this.#endOf(COLUMNS[0]), version: 1 });
  }

  /** Undoes a change of this window that did not get out, unless another came since. */
  undo(card, former) {
    if (this.#cards.get(card.id) !== card) return;
    if (former) this.#cards.set(card.id, former);
    else this.#cards.delete(card.id);
  }

  #write(card) {
    const written = { ...card, tie: Math.floor(Math.random() * TIES) };
    this.#cards.set(card.id, written);
    return written;
  }

  #endOf(column) {
    return (this.inColumn(column).at(-1)?.place ?? -1) + 1;
  }
}
