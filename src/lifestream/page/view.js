// What the page shows: the entries of one feed or of all. Completes the list by
// the number of the last event, so that nothing is missed between the page, a list
// and the subscription, and nothing is there twice.

/** Entries of one answer. */
const MOST = 200;
/** Answers after which the list is loaded again instead. */
const ANSWERS = 5;
/** Entries that a page keeps while its reader is at the top. */
const KEPT = 1000;
const RETRY_MILLISECONDS = 5000;

/** Gets a list; throws if there is none. */
async function get(url) {
  const response = await fetch(url, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

export class View {
  #path;
  #page;
  #list;
  #fresh;
  #older;
  /** Counts views; answers for an earlier one are dropped. */
  #number = 0;
  #loading = Promise.resolve();
  #isCompleting = false;
  #isDue = false;
  #last;
  #hasOlder = false;

  /** The name of the feed; empty for all. */
  feed;

  constructor({ path, page, feed, last }, list, fresh, older) {
    this.#path = path;
    this.#page = Math.min(Number(page), MOST);
    this.#last = Number(last);
    this.feed = feed;
    this.#list = list;
    this.#fresh = fresh;
    this.#older = older(async (url) => {
      const number = this.#number;
      const answer = await get(url);
      if (number === this.#number) this.#append(answer);
    });
    const before = new URLSearchParams(document.getElementById('older')?.search).get('before');
    this.#goOn(before ? this.#entries({ before, limit: this.#page }) : null);
  }

  /** The address of the page. */
  get href() { return this.feed ? `${this.#path}?feed=${this.feed}` : this.#path; }

  /** Shows another feed from its newest entry on. */
  async show(feed) {
    this.feed = feed;
    this.#number += 1;
    await this.#load();
  }

  /** Loads the newest entries again. */
  reload() { return this.#load(); }

  /** Takes a message that was pushed. */
  receive(message) {
    if (typeof message?.entry?.id === 'string' && Number.isInteger(message.seq)) this.#merge([message]);
  }

  /** Asks for all events behind the last known one. A call while one is at work makes it ask once more. */
  async complete() {
    this.#isDue = true;
    if (this.#isCompleting) return;
    this.#isCompleting = true;
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#loading;
        await this.#catchUp();
      }
    } catch {
      setTimeout(() => this.complete(), RETRY_MILLISECONDS);
    } finally {
      this.#isCompleting = false;
    }
  }

  async #catchUp() {
    const number = this.#number;
    let url = this.#entries({ after: this.#last, limit: MOST });
    for (let answers = 0; url; answers += 1) {
      // After a long time away the newest entries are more use than all events.
      if (answers === ANSWERS) return this.#load();
      const { last, entries, next } = await get(url);
      if (number !== this.#number) return undefined;
      this.#merge(entries);
      this.#last = Math.max(this.#last, last);
      url = next;
    }
    return undefined;
  }

  #load() {
    const number = this.#number;
    this.#loading = (async () => {
      const answer = await get(this.#entries({ limit: this.#page }));
      if (number !== this.#number) return;
      this.#list.clear();
      this.#fresh.clear();
      this.#last = answer.last;
      this.#append(answer);
    })();
    const loading = this.#loading;
    // A failure is the caller's; the next list does not wait for it.
    this.#loading = loading.catch(() => {});
    return loading;
  }

  #append({ entries, next }) {
    for (const message of entries) {
      if (this.#list.isCurrent(message) && !this.#fresh.has(message)) this.#list.put(message);
    }
    this.#goOn(next ?? null);
  }

  #goOn(next) {
    this.#hasOlder = Boolean(next);
    const before = next && new URL(next, location.href).searchParams.get('before');
    const page = new URL(this.href, location.href);
    if (before) page.searchParams.set('before', before);
    this.#older.set(next, page.pathname + page.search);
  }

  #merge(messages) {
    const created = [];
    for (const message of messages) {
      // A message of a subscription that has just ended.
      if (this.feed && message.feed.name !== this.feed) continue;
      if (!this.#list.isNews(message) || this.#fresh.replace(message)) continue;
      if (message.type === 'deleted') {
        if (this.#list.remove(message)) this.#fresh.announce('An entry was deleted.');
      } else if (this.#list.has(message.entry.id)) this.#list.put(message);
      else if (!this.#hasOlder || !this.#list.isBehind(message)) created.push(message);
    }
    this.#fresh.add(created);
    // A page may be open for weeks.
    const last = created.length && this.#fresh.isAtTop ? this.#list.trim(KEPT) : null;
    if (last) this.#goOn(this.#entries({ before: last, limit: this.#page }));
  }

  #entries(parameters) {
    const url = new URLSearchParams(this.feed ? { feed: this.feed, ...parameters } : parameters);
    return `${this.#path}/entries?${url}`;
  }
}
