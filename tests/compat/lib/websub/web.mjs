// A web server on a loopback address that records its requests. Knows nothing of WebSub.

import { once } from 'node:events';
import { createServer } from 'node:http';

/** An event that did not occur within the patience of the test. */
export class NotSeen extends Error {}

export class Web {
  #server;
  #patience;
  #waiters = new Set();
  #timers = new Set();

  /** Every request with its response, in the order of their arrival. */
  requests = [];

  constructor(server, patience) {
    this.#server = server;
    this.#patience = patience;
  }

  /**
   * @param answer    gives, for a request, `{ status, headers, body }`, or a promise of it
   * @param host      a loopback address
   * @param patience  milliseconds that `waitFor` waits for a request
   */
  static async start(answer, { host = '127.0.0.1', patience }) {
    const server = createServer();
    const web = new Web(server, patience);
    server.on('request', (incoming, outgoing) => web.#serve(incoming, outgoing, answer));
    server.listen(0, host);
    await once(server, 'listening');
    web.origin = `http://${host}:${server.address().port}`;
    return web;
  }

  async #serve(incoming, outgoing, answer) {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const [path, query = ''] = incoming.url.split(/\?(.*)/s);
    const request = {
      method: incoming.method,
      target: incoming.url,
      path,
      query: new URLSearchParams(query),
      headers: incoming.headers,
      rawHeaders: incoming.rawHeaders,
      body: Buffer.concat(chunks),
    };
    this.requests.push(request);
    for (const waiter of [...this.#waiters]) waiter(request);
    const { status = 200, headers = {}, body = '' } = await answer(request);
    request.status = status;
    outgoing.writeHead(status, headers);
    outgoing.end(request.method === 'HEAD' ? '' : body);
  }

  /** A position in `requests`: `waitFor` then looks only at what comes later. */
  mark() {
    return this.requests.length;
  }

  /** Gives the first request at or after `mark` that matches; fails with `NotSeen` and `what` if there is none. */
  waitFor(what, matches, mark = 0, patience = this.#patience) {
    const present = this.requests.slice(mark).find(matches);
    if (present) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#timers.delete(timer);
        this.#waiters.delete(waiter);
        settle(value);
      };
      const waiter = (request) => { if (matches(request)) finish(resolve, request); };
      const timer = setTimeout(() => finish(reject, new NotSeen(`not seen: ${what}; seen: ${this.describe()}`)), patience);
      this.#timers.add(timer);
      this.#waiters.add(waiter);
    });
  }

  describe() {
    const lines = this.requests.slice(-12).map(({ method, target, status, headers, body }) => {
      const names = ['content-type', 'link', 'x-hub-signature'].filter((name) => headers[name] !== undefined);
      const shown = names.map((name) => `${name}: ${headers[name]}`).join(', ');
      return `${method} ${target} -> ${status ?? 'no response yet'} [${shown}] ${body.toString('latin1').slice(0, 80)}`;
    });
    return lines.length === 0 ? 'nothing' : `\n  ${lines.join('\n  ')}`;
  }

  /** Stops. What is still waited for, such as the losers of a race, is never settled. */
  async stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
