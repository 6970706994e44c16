// New entries while the reader is not at the top: they wait behind a button, so
// that nothing moves. A live region says how many there are.

/** A list is at its top within so many pixels. */
const TOP = 120;
/** Entries that wait. With more the list is loaded again on the click. */
const MOST = 500;

const count = (number) => (number === 1 ? '1 new entry' : `${number} new entries`);

export class Fresh {
  #button = document.getElementById('fresh');
  #announcer = document.getElementById('announcer');
  #waiting = new Map();
  #isOver = false;
  #show;
  #reload;

  /**
   * @param show  shows a message and returns its element
   * @param reload  loads the list again
   */
  constructor(show, reload) {
    this.#show = show;
    this.#reload = reload;
    this.#button.addEventListener('click', () => this.#flush());
  }

  /** Takes the messages of new entries that came together. */
  add(messages) {
    if (!messages.length) return;
    this.announce(count(messages.length));
    if (this.isAtTop) {
      for (const message of messages) this.#show(message).classList.add('arrived');
      return;
    }
    for (const message of messages) this.#waiting.set(message.entry.id, message);
    if (this.#waiting.size > MOST) {
      this.#waiting.clear();
      this.#isOver = true;
    }
    this.#update();
  }

  /** Whether new entries are shown at once. */
  get isAtTop() { return scrollY <= TOP && !this.#waiting.size && !this.#isOver; }

  /** Whether an entry waits; then its message becomes this one, or it no longer waits. */
  replace(message) {
    if (!this.#waiting.has(message.entry.id)) return false;
    if (message.type === 'deleted') this.#waiting.delete(message.entry.id);
    else this.#waiting.set(message.entry.id, message);
    this.#update();
    return true;
  }

  has({ entry }) { return this.#waiting.has(entry.id); }

  clear() {
    this.#waiting.clear();
    this.#isOver = false;
    this.#update();
  }

  announce(text) {
    // The same text again is announced only if it changes.
    this.#announcer.textContent = this.#announcer.textContent === text ? `${text}.` : text;
  }

  #update() {
    this.#button.hidden = !this.#waiting.size && !this.#isOver;
    this.#button.textContent = this.#isOver ? `More than ${MOST} new entries` : count(this.#waiting.size);
  }

  async #flush() {
    if (this.#isOver) {
      try {
        await this.#reload();
      } catch {
        return this.announce('The new entries could not be loaded. Try again.');
      }
    }
    const shown = [...this.#waiting.values()].map((message) => this.#show(message));
    this.clear();
    for (const element of shown) element.classList.add('arrived');
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
    document.querySelector('#stream > article')?.focus({ preventScroll: true });
    return undefined;
  }
}
