// A callback: a subscriber's URL, which answers verifications and accepts deliveries as a test decides.

/** Echoes the challenge. */
export const confirm = (request) => ({ status: 200, body: request.query.getAll('hub.challenge').at(-1) });

export const refuse = () => ({ status: 404, body: 'no such subscription' });

export const accept = () => ({ status: 204 });

export class Callback {
  #web;

  /**
   * @param web      the server that it is a part of
   * @param path     its path
   * @param query    its query with the question mark, or ''
   */
  constructor(web, path, query) {
    this.#web = web;
    this.path = path;
    this.target = path + query;
    this.url = web.origin + this.target;
    /** Answers a verification. */
    this.verify = confirm;
    /** Answers a delivery. */
    this.deliver = accept;
  }

  answer(request) {
    if (request.method === 'POST') return this.deliver(request);
    return request.query.getAll('hub.mode').at(-1) === 'denied' ? { status: 200 } : this.verify(request);
  }

  #is = (request) => request.path === this.path;
  #isDelivery = (request) => this.#is(request) && request.method === 'POST';

  get requests() { return this.#web.requests.filter(this.#is); }

  get deliveries() { return this.#web.requests.filter(this.#isDelivery); }

  requestsSince(mark) {
    return this.#web.requests.slice(mark).filter(this.#is);
  }

  /** How often this content was delivered. */
  countOf(body) {
    return this.deliveries.filter((delivery) => delivery.body.equals(Buffer.from(body))).length;
  }

  mark() {
    return this.#web.mark();
  }

  /** The next request of any kind. */
  request(mark = 0) {
    return this.#web.waitFor(`a request to ${this.path}`, this.#is, mark);
  }

  /** The next GET of a mode; the last `hub.mode` counts, because the callback may have one of its own. */
  get(mode, mark = 0) {
    return this.#web.waitFor(`a GET ${this.path} with hub.mode=${mode}`, (request) => this.#is(request)
      && request.method === 'GET' && request.query.getAll('hub.mode').at(-1) === mode, mark);
  }

  /** The next GET of any of the modes. */
  getAny(modes, mark = 0) {
    return this.#web.waitFor(`a GET ${this.path} with hub.mode=${modes.join(' or ')}`, (request) => this.#is(request)
      && request.method === 'GET' && modes.includes(request.query.getAll('hub.mode').at(-1)), mark);
  }

  /** The next delivery that matches. */
  delivery(what, matches = () => true, mark = 0, patience = undefined) {
    return this.#web.waitFor(`a delivery of ${what} to ${this.path}`,
      (request) => this.#isDelivery(request) && matches(request), mark, patience);
  }

  /** The next delivery of this content. */
  deliveryOf(body, mark = 0) {
    const wanted = Buffer.from(body);
    return this.delivery(`${wanted.length} bytes, ${JSON.stringify(wanted.toString('latin1').slice(0, 60))}`,
      (request) => request.body.equals(wanted), mark);
  }
}
