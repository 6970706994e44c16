// The list of entries: merges messages by entry and number, and keeps the order.
// It knows neither where messages come from nor when they are to be shown.

import { article } from './article.js';
import { showTimes } from './time.js';

/** Events that are remembered, so that a late list does not bring back what has changed. */
const REMEMBERED = 5000;

/** Newest first. Times have one form, so they compare as texts. */
const isBefore = (a, b) => a.at > b.at || (a.at === b.at && a.id > b.id);

const keyOf = (element) => ({ at: element.dataset.at, id: element.id.slice('entry-'.length) });

export class List {
  #stream;
  #look;
  /** The highest number that is known of an entry, by its id. */
  #seqs = new Map();

  constructor(stream, look) {
    this.#stream = stream;
    this.#look = look;
    for (const element of this.articles()) this.#remember(keyOf(element).id, Number(element.dataset.seq));
  }

  articles() { return [...this.#stream.querySelectorAll(':scope > article')]; }

  has(id) { return Boolean(document.getElementById(`entry-${id}`)); }

  /** Whether a message tells something that is not known yet. Remembers it. */
  isNews({ seq, entry }) {
    if (seq <= (this.#seqs.get(entry.id) ?? -1)) return false;
    this.#remember(entry.id, seq);
    return true;
  }

  /** Whether no later state of the entry is known. Remembers it. */
  isCurrent({ seq, entry }) {
    if (seq < (this.#seqs.get(entry.id) ?? -1)) return false;
    this.#remember(entry.id, seq);
    return true;
  }

  /** Whether an entry is behind the last one, so that it comes with a list of older ones. */
  isBehind({ entry }) {
    const last = this.articles().at(-1);
    return Boolean(last) && isBefore(keyOf(last), entry);
  }

  /** Puts an entry in its place, or in place of its earlier state. Returns its element. */
  put(message) {
    const made = article(message, this.#look);
    showTimes(made);
    const present = document.getElementById(made.id);
    if (present) {
      const isOpen = present.querySelector('details')?.open;
      const hasFocus = present.contains(document.activeElement);
      present.replaceWith(made);
      if (isOpen) made.querySelector('details')?.setAttribute('open', '');
      if (hasFocus) made.focus({ preventScroll: true });
      return made;
    }
    document.getElementById('empty')?.remove();
    const next = this.articles().find((element) => isBefore(message.entry, keyOf(element)));
    if (next) next.before(made);
    else this.#stream.append(made);
    return made;
  }

  /** Removes an entry and leaves a note. Returns whether it was shown. */
  remove({ entry, feed }) {
    const present = document.getElementById(`entry-${entry.id}`);
    if (!present) return false;
    const note = document.createElement('p');
    note.className = 'removed';
    note.textContent = `An entry of ${feed.title || feed.name} was deleted.`;
    const hadFocus = present.contains(document.activeElement);
    present.replaceWith(note);
    if (hadFocus) {
      note.tabIndex = -1;
      note.focus({ preventScroll: true });
    }
    return true;
  }

  /** Removes the oldest entries beyond `most`. Returns the id of the last one that is left, or null if all are. */
  trim(most) {
    const articles = this.articles();
    if (articles.length <= most) return null;
    articles.slice(most).forEach((element) => element.remove());
    return keyOf(articles[most - 1]).id;
  }

  /** Removes all entries, for another list. */
  clear() {
    this.#seqs.clear();
    this.#stream.querySelectorAll(':scope > :not(.p-name)').forEach((element) => element.remove());
  }

  #remember(id, seq) {
    this.#seqs.delete(id);
    this.#seqs.set(id, seq);
    if (this.#seqs.size > REMEMBERED) this.#seqs.delete(this.#seqs.keys().next().value);
  }
}
