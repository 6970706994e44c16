// The line between one client of this page and the server. The client's endpoint
// is a path below the mount, `<mount>/line-NAME`, which the server accepts like
// the mount itself. By that path this module recognises the WebSockets, event
// streams and requests of the client, closes them, and refuses new ones.

export const TRANSPORTS = ['websocket', 'eventsource', 'long-polling'];

const lines = new Map();
const native = { WebSocket: globalThis.WebSocket, EventSource: globalThis.EventSource, fetch: globalThis.fetch };

/** Returns the line that an address belongs to, or undefined for the rest of the page. */
function lineOf(address) {
  const name = /\/line-([a-z]+)(?:[/?#]|$)/.exec(String(address))?.[1];
  return lines.get(name);
}

export class Line {
  #isCut = false;
  #best = TRANSPORTS[0];
  /** A function for each open connection that ends it. */
  #open = new Map();

  constructor(name) {
    this.path = `/line-${name}`;
    lines.set(name, this);
  }

  get isCut() { return this.#isCut; }

  /** Ends every connection of the client and makes each new one fail until `restore`. */
  cut() {
    this.#isCut = true;
    for (const { end } of [...this.#open.values()]) end();
  }

  restore() { this.#isCut = false; }

  /** Lets through this transport and those after it in TRANSPORTS; ends connections of the others. */
  limitTo(best) {
    this.#best = best;
    for (const { type, end } of [...this.#open.values()]) if (!this.#lets(type)) end();
  }

  #lets(type) { return TRANSPORTS.indexOf(type) >= TRANSPORTS.indexOf(this.#best); }

  /** Returns whether a new connection of this type fails now. */
  refuses(type) { return this.#isCut || !this.#lets(type); }

  add(key, type, end) { this.#open.set(key, { type, end }); }

  remove(key) { this.#open.delete(key); }
}

/** Stands for a WebSocket or an event stream that cannot be opened: it reports so, as the browser's own do. */
class DeadConnection {
  readyState = WebSocket.CONNECTING;

  constructor() {
    setTimeout(() => {
      this.readyState = WebSocket.CLOSED;
      this.onerror?.(new Event('error'));
      this.onclose?.(new CloseEvent('close', { code: 1006 }));
    });
  }

  close() { this.readyState = WebSocket.CLOSED; }
}

class LineSocket extends native.WebSocket {
  constructor(address, protocols) {
    const line = lineOf(address);
    if (line?.refuses('websocket')) return new DeadConnection();
    super(address, protocols);
    if (!line) return;
    line.add(this, 'websocket', () => this.close());
    this.addEventListener('close', () => line.remove(this));
  }
}

class LineEventSource extends native.EventSource {
  #line;

  constructor(address, options) {
    const line = lineOf(address);
    if (line?.refuses('eventsource')) return new DeadConnection();
    super(address, options);
    this.#line = line;
    line?.add(this, 'eventsource', () => {
      this.close();
      // `close` is silent; a connection that breaks reports an error.
      this.dispatchEvent(new Event('error'));
    });
  }

  close() {
    super.close();
    this.#line?.remove(this);
  }
}

async function lineFetch(address, options = {}) {
  const line = lineOf(address);
  if (!line) return native.fetch.call(globalThis, address, options);
  if (line.refuses('long-polling')) throw new TypeError('the line is cut');
  const controller = new AbortController();
  options.signal?.addEventListener('abort', () => controller.abort());
  if (options.signal?.aborted) controller.abort();
  line.add(controller, 'long-polling', () => controller.abort());
  try {
    const response = await native.fetch.call(globalThis, address, { ...options, signal: controller.signal });
    // The body is part of the exchange: the line can be cut until its last byte.
    const body = await response.arrayBuffer();
    const { status, statusText, headers } = response;
    return new Response(status === 204 ? null : body, { status, statusText, headers });
  } finally {
    line.remove(controller);
  }
}

/** Makes the clients that are created from now on use their lines. */
export function installLines() {
  globalThis.WebSocket = LineSocket;
  globalThis.EventSource = LineEventSource;
  globalThis.fetch = lineFetch;
}
