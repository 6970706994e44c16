// What browsers and Node have in common: console, timers, fetch.
(function (native, limits, globals, bytes) {
  'use strict';

  const { parse, stringify } = JSON;

  // Longer lines are cut; a message may be a megabyte.
  function print(level, values) {
    let text = '';
    for (const value of values) {
      if (text.length > limits.line) break;
      text += (text === '' ? '' : ' ') + show(value);
    }
    native.log(level, text.slice(0, limits.line + 1).toWellFormed());
  }

  function show(value) {
    if (typeof value === 'string') return value;
    try {
      if (value instanceof Error) return String(value) + (value.stack ? '\n' + value.stack : '');
      if (typeof value === 'object' && value !== null) return stringify(value) ?? String(value);
      return String(value);
    } catch {
      return '[object]';
    }
  }

  globals.console = {
    error: (...values) => print(0, values),
    warn: (...values) => print(1, values),
    info: (...values) => print(2, values),
    log: (...values) => print(2, values),
    debug: (...values) => print(3, values),
    trace: (...values) => print(3, values),
  };

  const timers = new Map();
  let lastTimer = 0;

  class Timeout {
    constructor(id) {
      this.id = id;
    }
    // Timers never keep the server alive.
    ref() {
      return this;
    }
    unref() {
      return this;
    }
    hasRef() {
      return false;
    }
    [Symbol.toPrimitive]() {
      return this.id;
    }
  }

  function start(callback, delay, values, isRepeated) {
    if (typeof callback !== 'function') throw new TypeError('a timer needs a function');
    if (timers.size >= limits.timers) throw new RangeError('more than ' + limits.timers + ' timers at one time');
    delay = Number(delay);
    // As in Node.
    if (!(delay >= 1 && delay <= 2147483647)) delay = 1;
    const id = ++lastTimer;
    timers.set(id, { callback, values, every: isRepeated ? delay : 0 });
    native.startTimer(id, delay);
    return new Timeout(id);
  }

  function stop(timer) {
    const id = timer instanceof Timeout ? timer.id : Number(timer);
    if (timers.delete(id)) native.stopTimer(id);
  }

  function fire(id) {
    const timer = timers.get(id);
    if (!timer) return;
    if (timer.every) native.startTimer(id, timer.every);
    else timers.delete(id);
    timer.callback(...timer.values);
  }

  globals.setTimeout = (callback, delay, ...values) => start(callback, delay, values, false);
  globals.setInterval = (callback, delay, ...values) => start(callback, delay, values, true);
  globals.setImmediate = (callback, ...values) => start(callback, 0, values, false);
  globals.clearTimeout = stop;
  globals.clearInterval = stop;
  globals.clearImmediate = stop;

  const requests = new Map();
  let lastRequest = 0;

  class Headers {
    #list;
    constructor(list) {
      this.#list = list;
    }
    get(name) {
      const found = this.#list.filter(([own]) => own === String(name).toLowerCase());
      return found.length === 0 ? null : found.map(([, value]) => value).join(', ');
    }
    has(name) {
      return this.get(name) !== null;
    }
    forEach(visit) {
      for (const [name, value] of this.#list) visit(value, name, this);
    }
  }

  class Response {
    #body;
    constructor(url, status, headers, body) {
      this.url = url;
      this.status = status;
      this.ok = status >= 200 && status <= 299;
      this.headers = new Headers(headers);
      this.#body = body;
    }
    async text() {
      return this.#body;
    }
    async json() {
      return parse(this.#body);
    }
  }

  function headerList(headers) {
    if (!headers) return [];
    const list = [];
    if (Array.isArray(headers)) list.push(...headers);
    else if (typeof headers.forEach === 'function') headers.forEach((value, name) => list.push([name, value]));
    else list.push(...Object.entries(headers));
    return list.map(([name, value]) => [String(name), String(value)]);
  }

  // The body of a request, which crosses as text.
  function bodyText(body) {
    if (body === undefined || body === null) return '';
    if (bytes.isArrayBuffer(body)) body = new Uint8Array(body);
    if (!ArrayBuffer.isView(body)) return String(body);
    const content = bytes.Buffer.from(bytes.bytesOf(body));
    const text = content.toString();
    if (bytes.Buffer.from(text).equals(content)) return text;
    throw new TypeError('a body of fetch that is not UTF-8 is not supported');
  }

  globals.fetch = (resource, options) => new Promise((resolve, reject) => {
    const { method, headers, body, redirect, signal } = options || {};
    if (redirect !== undefined && redirect !== 'manual') {
      throw new TypeError('redirect: ' + String(redirect) + ' is not supported by fetch, which does not follow redirects');
    }
    if (signal !== undefined && signal !== null) throw new TypeError('the option signal of fetch is not supported');
    const url = String(resource);
    const request = {
      method: method === undefined ? 'GET' : String(method),
      url,
      headers: headerList(headers),
      body: bodyText(body),
    };
    const id = ++lastRequest;
    native.fetch(id, stringify(request));
    requests.set(id, { url, resolve, reject });
  });

  // The answer to a request: `failure` is empty if there is one.
  function fetched(id, failure, status, headers, body) {
    const request = requests.get(id);
    if (!request) return;
    requests.delete(id);
    if (failure !== '') request.reject(new TypeError('fetch failed: ' + failure));
    else request.resolve(new Response(request.url, status, parse(headers), body));
  }

  return { fire, fetched };
})
