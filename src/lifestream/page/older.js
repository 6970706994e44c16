// Older entries: loaded shortly before the end of the list is in view. The link
// stays for browsers without scripts and when loading fails.

/** How far below the window the link may be when loading begins. */
const AHEAD = '1200px';

export class Older {
  #nav;
  #load;
  #next = null;
  #isLoading = false;
  #watcher = new IntersectionObserver((seen) => { if (seen.some(({ isIntersecting }) => isIntersecting)) this.#more(); },
    { rootMargin: AHEAD });

  /** @param load  loads a list by its address and returns the address of the next one, or null */
  constructor(nav, load) {
    this.#nav = nav;
    this.#load = load;
    nav.addEventListener('click', (event) => {
      if (event.target.id !== 'older' || !this.#next) return;
      event.preventDefault();
      this.#more();
    });
  }

  /** Goes on with this address; null is the end. `href` is the page for the link. */
  set(next, href) {
    this.#next = next;
    let link = document.getElementById('older');
    if (!next) link?.remove();
    else if (!link) {
      link = document.createElement('a');
      link.id = 'older';
      link.className = 'step';
      link.rel = 'next';
      link.textContent = 'Older entries';
      this.#nav.append(link);
    }
    this.#watcher.disconnect();
    if (!next) return;
    link.href = href;
    this.#watcher.observe(link);
  }

  async #more() {
    if (this.#isLoading || !this.#next) return;
    this.#isLoading = true;
    const wanted = this.#next;
    const link = document.getElementById('older');
    link.textContent = 'Loading';
    try {
      await this.#load(wanted);
      link.textContent = 'Older entries';
    } catch {
      link.textContent = 'Older entries could not be loaded. Try again';
      this.#watcher.disconnect();
    } finally {
      this.#isLoading = false;
    }
  }
}
