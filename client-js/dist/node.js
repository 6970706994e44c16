// src/clock.ts
var LONGEST = 2 ** 31 - 1;
function later(act, milliseconds) {
  return setTimeout(act, Math.min(Math.max(milliseconds || 0, 0), LONGEST));
}
function throwLater(error) {
  setTimeout(() => {
    throw error;
  }, 0);
}
function attempt(act, otherwise) {
  try {
    return act();
  } catch (error) {
    throwLater(error);
    return otherwise;
  }
}

// src/error.ts
var FayeError = class extends Error {
  name = "FayeError";
  /** Creates an error from the parts of its text form. */
  constructor(code, params, message) {
    super(message);
    this.code = code;
    this.params = params;
  }
  /** Returns the text form, `code:parameters:text`. */
  toString() {
    return `${this.code}:${this.params.join(",")}:${this.message}`;
  }
};
function parseError(text) {
  const given = typeof text === "string" ? text : "";
  const parts = /^(\d{3}):([^:]*):([\s\S]*)$/.exec(given);
  if (!parts) return new FayeError(null, [], given);
  return new FayeError(Number(parts[1]), parts[2].split(","), parts[3]);
}
var failure = (message) => new FayeError(null, [], message);

// src/deferrable.ts
var Deferrable = class extends Promise {
  #settle;
  #timer;
  /** Whether the promise is resolved or rejected. */
  isSettled = false;
  /** Creates a pending promise. */
  constructor() {
    let settle;
    super((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#settle = settle;
    super.catch(() => {
    });
  }
  /** `then` returns an ordinary promise. */
  static get [Symbol.species]() {
    return Promise;
  }
  /** Calls `callback` when the promise resolves. */
  callback(callback, context) {
    if (callback) void this.then((value) => callback.call(context, value), () => {
    });
  }
  /** Calls `callback` with the error when the promise rejects. */
  errback(callback, context) {
    if (callback) void this.then(void 0, (error) => callback.call(context, error));
  }
  /** Rejects the promise after that many seconds, with `reason` if given, unless it is settled earlier. */
  timeout(seconds, reason) {
    clearTimeout(this.#timer);
    this.#timer = later(
      () => this.spoil(reason ?? failure(`Not settled within ${seconds} s`)),
      seconds * 1e3
    );
  }
  /** Settles the promise. Only the first call has an effect. */
  setDeferredStatus(status, value) {
    if (status === "succeeded") this.succeed(value);
    else if (status === "failed") this.spoil(value);
  }
  /** Resolves the promise. Used by the client. */
  succeed(value) {
    this.#end();
    this.#settle.resolve(value);
  }
  /** Rejects the promise. Used by the client. */
  spoil(error) {
    this.#end();
    this.#settle.reject(error);
  }
  #end() {
    this.isSettled = true;
    clearTimeout(this.#timer);
  }
};

// src/logger.ts
var logging = { logger: void 0 };
function write(logger, level, line, values) {
  const full = `[Faye.Client] ${line.replace(/\?/g, () => JSON.stringify(values.shift()))}`;
  attempt(() => {
    if (typeof logger === "function") logger(full);
    else logger[level]?.(full);
  });
}
function log(level, line, ...values) {
  if (logging.logger) write(logging.logger, level, line, values);
}
function checkName(what, name, known) {
  if (!known.split(" ").includes(name)) write(logging.logger ?? console, "warn", `Unknown ${what} ?, not ?`, [name, known]);
}

// src/emitter.ts
var Emitter = class {
  #entries = /* @__PURE__ */ new Map();
  #names;
  /** `names` lists the events, separated by spaces. A listener for another name causes a warning. */
  constructor(names) {
    this.#names = names;
  }
  #add(event, listener, context, once) {
    checkName("event", event, this.#names);
    const entries = this.#entries.get(event) ?? [];
    this.#entries.set(event, [...entries, { listener, context, once }]);
    return this;
  }
  #remove(event, matches) {
    const entries = (this.#entries.get(event) ?? []).filter((entry) => !matches(entry));
    if (entries.length > 0) this.#entries.set(event, entries);
    else this.#entries.delete(event);
    return this;
  }
  /** Adds a listener. An unknown event causes a warning. */
  on(event, listener) {
    return this.#add(event, listener, this, false);
  }
  /** Adds a listener, like `on`. */
  addListener(event, listener) {
    return this.on(event, listener);
  }
  /** Adds a listener that is called at most once. */
  once(event, listener) {
    return this.#add(event, listener, this, true);
  }
  /** Removes a listener; the one added last if it was added several times. */
  off(event, listener) {
    const last = [...this.#entries.get(event) ?? []].reverse().find((entry) => entry.listener === listener);
    return this.#remove(event, (entry) => entry === last);
  }
  /** Removes a listener, like `off`. */
  removeListener(event, listener) {
    return this.off(event, listener);
  }
  /** Removes all listeners of an event, or of every event if none is given. */
  removeAllListeners(event) {
    if (event === void 0) this.#entries.clear();
    else this.#entries.delete(event);
    return this;
  }
  /** Returns the listeners of an event. */
  listeners(event) {
    return (this.#entries.get(event) ?? []).map(({ listener }) => listener);
  }
  /** Returns the number of listeners of an event. */
  countListeners(event) {
    return this.listeners(event).length;
  }
  /** Adds a listener that is called with `context` as `this`, as in Faye. */
  bind(event, listener, context) {
    return this.#add(event, listener, context, false);
  }
  /** Removes a listener that `bind` added, or all listeners of the event if none is given. */
  unbind(event, listener, context) {
    return this.#remove(event, (entry) => listener === void 0 || entry.listener === listener && [context, context ?? this].includes(entry.context));
  }
  /** Calls the listeners of an event and returns whether it has any. A listener that throws does not stop the others. */
  emit(event, ...values) {
    const entries = this.#entries.get(event) ?? [];
    for (const entry of entries) {
      if (entry.once) this.#remove(event, (other) => other === entry);
      attempt(() => entry.listener.apply(entry.context, values));
    }
    return entries.length > 0;
  }
  /** Calls the listeners of an event, like `emit`. */
  trigger(event, ...values) {
    return this.emit(event, ...values);
  }
};

// src/awaitable.ts
var Awaitable = class extends Emitter {
  #connected = new Deferrable();
  /** Starts a new wait: an earlier result does not apply to a new connection. */
  awaitConnection() {
    if (this.#connected.isSettled) this.#connected = new Deferrable();
  }
  /** Calls `callback` once the client has a session; immediately if it has one. */
  callback(callback, context) {
    this.#connected.callback(callback, context);
  }
  /**
   * Calls `callback` with a `FayeError` when the client abandons the connection: the server refused it for good, no transport
   * can be used, or the client was disconnected.
   */
  errback(callback, context) {
    this.#connected.errback(callback, context);
  }
  /**
   * Calls the callbacks of `errback` with `reason`, unless the client has a session within that many seconds.
   */
  timeout(seconds, reason) {
    this.#connected.timeout(seconds, reason);
  }
  /** Settles the wait for the connection, as in Faye. Applications do not need it. */
  setDeferredStatus(status, value) {
    this.#connected.setDeferredStatus(status, value);
  }
};

// src/constants.ts
var CONSTANTS = {
  /** As in Faye; `state` of this client is a word. */
  UNCONNECTED: 1,
  /** As in Faye; `state` of this client is a word. */
  CONNECTING: 2,
  /** As in Faye; `state` of this client is a word. */
  CONNECTED: 3,
  /** As in Faye; `state` of this client is a word. */
  DISCONNECTED: 4,
  /** Advice to begin a new session. */
  HANDSHAKE: "handshake",
  /** Advice to connect again. */
  RETRY: "retry",
  /** Advice to stop. */
  NONE: "none",
  /** Seconds, the default of the option `timeout`. */
  CONNECTION_TIMEOUT: 60,
  /** The endpoint of a client in a page that is given none. */
  DEFAULT_ENDPOINT: "/bayeux",
  /** Seconds, the default of the option `interval`. */
  INTERVAL: 0
};

// src/events.ts
var EVENTS = "connection transport:up transport:down subscription:refused replay:gap";

// src/extensible.ts
var Extensions = class {
  #list = [];
  /** Appends an extension. */
  add(extension, client) {
    this.#list.push(extension);
    extension.added?.(client);
  }
  /** Removes one. */
  remove(extension, client) {
    const index = this.#list.indexOf(extension);
    if (index < 0) return;
    this.#list.splice(index, 1);
    extension.removed?.(client);
  }
  /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
  pipe(stage, message, done) {
    const extensions = this.#list.filter((extension) => extension[stage]);
    const next = (index, current) => {
      const extension = extensions[index];
      if (!current || !extension) return done(current);
      let called = false;
      const pass = (result) => {
        if (called) return;
        called = true;
        next(index + 1, result);
      };
      const run = extension[stage];
      try {
        if (run.length >= 3) run.call(extension, current, null, pass);
        else run.call(extension, current, pass);
      } catch (error) {
        throwLater(error);
        pass(null);
      }
    };
    next(0, message);
  }
};

// src/channel.ts
var HANDSHAKE = "/meta/handshake";
var CONNECT = "/meta/connect";
var SUBSCRIBE = "/meta/subscribe";
var UNSUBSCRIBE = "/meta/unsubscribe";
var DISCONNECT = "/meta/disconnect";
var isMeta = ({ channel }) => channel?.startsWith("/meta/");
function patternsOf(channel) {
  const parent = channel.split("/").slice(0, -1);
  const patterns = ["/**", channel, [...parent, "*"].join("/")];
  for (let length = 2; length <= parent.length; length += 1) {
    patterns.push([...parent.slice(0, length), "**"].join("/"));
  }
  return [...new Set(patterns)];
}

// src/feature.ts
function addExt(message, name, value) {
  message.ext = { ...message.ext, [name]: value };
}

// src/ack.ts
var Ack = class {
  /** The last batch that arrived; undefined where the server does not acknowledge. */
  #batch;
  outgoing(message) {
    if (message.channel === HANDSHAKE) addExt(message, "ack", true);
    else if (message.channel === CONNECT && this.#batch !== void 0) addExt(message, "ack", this.#batch);
  }
  incoming({ channel, successful, ext }) {
    if (!successful) return;
    const ack = ext?.["ack"];
    if (channel === HANDSHAKE) {
      this.#batch = void 0;
      if (ack === true) this.#batch = 0;
      else if (typeof ack === "object" && ack?.enabled) this.#batch = ack.batch ?? 0;
    } else if (channel === CONNECT && this.#batch !== void 0 && typeof ack === "number") {
      this.#batch = ack;
    }
  }
};

// src/remember.ts
var MOST_CHANNELS = 1e3;
var MOST_CHARACTERS = 5e5;
function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)).map((entries) => new Map(entries));
  } catch {
    return [];
  }
}
function remember(key, maps) {
  try {
    const text = JSON.stringify(maps.map((map) => [...map].slice(-MOST_CHANNELS)));
    if (text.length < MOST_CHARACTERS) sessionStorage.setItem(key, text);
  } catch {
  }
}

// src/replay.ts
var FROM_NOW = -1;
var MOST_POSITIONS = 100;
function positionOf(message) {
  const id = message.ext?.["replay"]?.id ?? message.data?.event?.replayId;
  return typeof id === "number" ? id : void 0;
}
var Replay = class {
  #source;
  /**
   * The positions that were received last in each channel, ascending. Nothing up to the first one is missing; between them
   * messages may still come, since those of two connections overtake each other when the client changes its transport.
   */
  #seen = /* @__PURE__ */ new Map();
  #cursors = /* @__PURE__ */ new Map();
  /** Where subscriptions begin that are new. */
  #starts = /* @__PURE__ */ new Map();
  /** The subscriptions of the session, for which its cursors hold. */
  #agreed = /* @__PURE__ */ new Set();
  #isOffered = false;
  #gap;
  #key;
  /** `gap` is called when messages are lost because the server does not keep them so long. `key`: where to remember. */
  constructor(source, gap, key) {
    this.#source = source;
    this.#gap = gap;
    this.#key = key;
    const [positions, cursors] = key ? recall(key) : [];
    positions?.forEach((position, name) => this.#seen.set(name, [position]));
    if (cursors) this.#cursors = cursors;
  }
  /** Remembers where to go on after a reload. */
  save() {
    if (this.#key) remember(this.#key, [new Map(this.#under("/**")), this.#cursors]);
  }
  /** Sets where a subscription begins, unless it goes on where an earlier one ended. */
  start(channel, position) {
    const known = this.#cursors.size > 0 ? this.#cursors : this.#seen;
    if (position !== void 0 && !known.has(channel)) this.#starts.set(channel, position);
  }
  /** Says where to go on. */
  outgoing(message) {
    if (message.channel === HANDSHAKE) addExt(message, "replay", true);
    const channel = String(message.subscription);
    if (message.channel === UNSUBSCRIBE) {
      for (const each of [this.#starts, this.#agreed, this.#cursors]) each.delete(channel);
      this.#forget(channel);
    }
    if (message.channel !== SUBSCRIBE || !this.#isOffered) return;
    const source = this.#source;
    const start = this.#starts.get(channel);
    const first = start ?? this.#cursors.get(channel) ?? source[channel];
    const seen = start === void 0 ? this.#under(channel) : [];
    if (source === true && first === void 0 && seen.length === 0) return;
    const fallback = typeof source === "number" ? source : FROM_NOW;
    addExt(message, "replay", { [channel]: first ?? fallback, ...Object.fromEntries(seen) });
  }
  /** Remembers the position. Returns false for a message that has arrived before. */
  incoming(message) {
    const { channel, subscription, successful, ext } = message;
    if (channel === HANDSHAKE) {
      this.#agreed.clear();
      if (successful) this.#isOffered = ext?.["replay"] === true;
      return;
    }
    if (!this.#isOffered) return;
    const told = ext?.["replay"];
    if (channel === CONNECT && told?.cursor) {
      for (const name of this.#agreed) this.#cursors.set(name, told.cursor);
      this.save();
    }
    if (channel === SUBSCRIBE) {
      const name = String(subscription);
      const { cursor, recovered } = told?.[name] ?? {};
      const notice = ext?.["faye:gap"];
      const isLost = recovered === false;
      const isNew = successful && !notice && this.#starts.delete(name);
      if (isLost || isNew || notice?.reason === "cluster") this.#forget(name);
      if (!successful) this.#agreed.delete(name);
      if (cursor) {
        this.#agreed.add(name);
        this.#cursors.set(name, cursor);
      }
      if (isLost || notice) this.#gap(name, failure("Messages are missing"));
    }
    const position = successful === void 0 ? positionOf(message) : void 0;
    if (position === void 0) return;
    const seen = this.#seen.get(channel) ?? [0];
    if (position === told?.id && (position <= seen[0] || seen.includes(position))) return false;
    this.#seen.delete(channel);
    this.#seen.set(channel, [...seen, position].sort((one, other) => one - other).slice(-MOST_POSITIONS));
    if (this.#seen.size > MOST_CHANNELS) this.#seen.delete(this.#seen.keys().next().value);
  }
  /** Whether to begin with what the server still has. */
  retries(message, error) {
    if (message.channel !== SUBSCRIBE || error.code !== 400 || !this.#isOffered) return false;
    const channel = String(message.subscription);
    const isKnown = this.#cursors.delete(channel);
    if (!this.#forget(channel) && !isKnown) return false;
    this.#gap(channel, error);
    return true;
  }
  /** Forgets the positions of a subscription. Returns whether there were any. */
  #forget(subscription) {
    return this.#under(subscription).filter(([name]) => this.#seen.delete(name)).length > 0;
  }
  /** The last positions of the channels of a subscription. */
  #under(subscription) {
    return [...this.#seen].filter(([name]) => patternsOf(name).includes(subscription)).map(([name, seen]) => [name, seen[seen.length - 1]]);
  }
};

// src/token.ts
var MARGIN_SECONDS = 5;
function expiryOf(token) {
  try {
    const claims = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const { exp } = JSON.parse(atob(claims));
    return typeof exp === "number" ? exp : void 0;
  } catch {
    return void 0;
  }
}
var Token = class {
  #source;
  #token;
  #asking;
  /** Whether the source was asked because of a refusal, and nothing was accepted since. */
  #wasRenewed = false;
  /** Whether the server has refused a publication of the session because it carried no token. */
  #isForPublications = false;
  /** A token from its source. */
  constructor(source) {
    this.#source = source;
    if (typeof source === "string") this.#token = source;
    else if (typeof source !== "function") throw failure("Not a function: token");
  }
  /** Asks for a token if there is none that is valid. */
  prepare() {
    const source = this.#source;
    if (typeof source === "string" || this.#token !== void 0 && !this.#isExpired()) return void 0;
    this.#asking ??= Promise.resolve().then(source).then((token) => {
      this.#token = token;
    }).finally(() => {
      this.#asking = void 0;
    });
    return this.#asking;
  }
  #isExpired() {
    const expiry = expiryOf(this.#token);
    return expiry !== void 0 && Date.now() / 1e3 > expiry - MARGIN_SECONDS;
  }
  /** Adds it to messages to the server itself. */
  outgoing(message) {
    const isForIt = this.#isForPublications || isMeta(message);
    if (isForIt && this.#token !== void 0) addExt(message, "token", this.#token);
  }
  /** Notes that it was accepted. */
  incoming({ channel, successful }) {
    if (successful && (channel === HANDSHAKE || channel === SUBSCRIBE)) this.#wasRenewed = false;
  }
  /** Whether to ask for another token, or to send it with publications too. */
  retries(message, { code, message: reason }) {
    const { ext } = message;
    if (!isMeta(message)) {
      const isAskedFor = reason === "Token required";
      this.#isForPublications ||= isAskedFor;
      return isAskedFor && !ext?.["token"];
    }
    if (typeof this.#source === "string" || code !== 401 && code !== 403) return false;
    const used = ext?.["token"] ?? this.#token;
    if (this.#asking || used !== this.#token) return true;
    if (this.#wasRenewed) return false;
    this.#wasRenewed = true;
    this.#token = void 0;
    return true;
  }
};

// src/features.ts
function featuresOf({ token, ack, replay, remember: remember2 }, address, gap) {
  const features = [];
  if (token) features.push(new Token(token));
  if (ack) features.push(new Ack());
  const key = remember2 ? `faye:${address}:${remember2}` : void 0;
  if (replay !== void 0 && replay !== false) features.push(new Replay(replay, gap, key));
  return features;
}
function saveAll(features) {
  for (const feature of features) feature.save?.();
}

// src/leave.ts
function leave(session, farewell) {
  const { dispatcher: { selector }, phase, pipeline } = session;
  if (phase !== "connected" || selector.isDisabled("autodisconnect")) return;
  const { clientId, current } = selector;
  pipeline.pass("outgoing", { channel: DISCONNECT, clientId, id: "bye" }, (message) => {
    if (message && current?.transport?.farewell) current.transport.farewell(message);
    else if (message) farewell?.(message);
  });
  session.end(failure("Page closed"));
}

// src/scheduler.ts
function construct(message, options) {
  this.message = message;
  this.options = options;
  this.attempts = 0;
}
var methods = {
  getTimeout() {
    return this.options.timeout;
  },
  getInterval() {
    return this.options.interval;
  },
  isDeliverable() {
    const { attempts, deadline } = this.options;
    return (attempts === void 0 || this.attempts < attempts) && (deadline === void 0 || Date.now() <= deadline);
  },
  send() {
    this.attempts += 1;
  },
  succeed() {
  },
  fail() {
  },
  abort() {
  }
};
Object.assign(construct.prototype, methods);
var Scheduler = construct;

// src/options.ts
var DEFAULTS = {
  timeout: 60,
  interval: 0,
  retry: 5,
  maxRetry: 60,
  scheduler: Scheduler,
  endpoints: "",
  token: "",
  ack: "",
  replay: "",
  remember: "",
  shared: "",
  tls: "",
  ca: "",
  websocketExtensions: ""
};
var FEATURES = "websocket eventsource long-polling cross-origin-long-polling callback-polling shared autodisconnect";
function checkOptions(options, known) {
  for (const [name, value] of Object.entries(options)) {
    const wanted = typeof known[name];
    if (value && (wanted === "number" ? !(value > 0) : wanted !== "string" && typeof value !== wanted)) {
      throw failure(`${wanted === "undefined" ? "Unrecognized option" : `Not a ${wanted}`}: ${name}`);
    }
  }
}
function sessionOptions(options) {
  checkOptions(options, DEFAULTS);
  const given = Object.entries(options).filter(([, value]) => value);
  return { ...DEFAULTS, ...Object.fromEntries(given) };
}
function endpointsOf({ endpoints }) {
  const entries = Object.entries(endpoints ?? {});
  for (const [type] of entries) checkName("feature", type, FEATURES);
  return Object.fromEntries(entries.map(([type, url]) => [type, String(url)]));
}

// src/message.ts
function isMessage(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { channel } = value;
  return channel === void 0 || typeof channel === "string";
}
function copyOf(message, fail) {
  try {
    return JSON.parse(JSON.stringify(message));
  } catch (error) {
    return void fail(`Not JSON: ${error}`);
  }
}
function parseMessages(text) {
  if (typeof text !== "string") return void 0;
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return void 0;
  }
  if (Array.isArray(value)) return value.filter(isMessage);
  return isMessage(value) && "channel" in value ? [value] : void 0;
}

// src/pipeline.ts
var UNWANTED = "The client is disconnected";
var Pipeline = class {
  #extensions;
  #features;
  #count = 0;
  constructor(extensions, features) {
    this.#extensions = extensions;
    this.#features = features;
  }
  /**
   * Sends a message, if it is still wanted when all who have a say have had it. `settle` is called with its reply, or
   * with what went wrong. Gives the id.
   */
  send(message, { isWanted, ...limits }, dispatcher, settle) {
    this.#count = (this.#count + 1) % 2 ** 32;
    const id = this.#count.toString(36);
    message.id = id;
    const drop = (reason) => settle(void 0, failure(reason));
    const send = () => {
      if (!isWanted()) return drop(UNWANTED);
      this.pass("outgoing", message, (passed) => {
        if (!isWanted()) return drop(UNWANTED);
        if (!passed) return drop("An extension dropped the message");
        for (const feature of this.#features) feature.outgoing?.(passed);
        passed.id = id;
        const copy = copyOf(passed, drop);
        if (copy) dispatcher.send(copy, limits, settle);
      });
    };
    const { channel } = message;
    const preparing = channel === HANDSHAKE || channel === SUBSCRIBE ? this.#features.map((feature) => feature.prepare?.()).filter(Boolean) : [];
    if (preparing.length === 0) send();
    else Promise.all(preparing).then(send, (error) => drop(`No token: ${error}`));
    return id;
  }
  /** Leads a message from the server to `done`, which is given null when a feature or an extension dropped it. */
  receive(message, done) {
    if (this.#features.map((feature) => feature.incoming?.(message)).includes(false)) return done(null);
    this.pass("incoming", message, done);
  }
  pass(stage, message, done) {
    this.#extensions.pipe(stage, message, done);
  }
  /** Whether a refused message may be sent once more, because something that it needs will be renewed. */
  mayRetry(message, error) {
    return this.#features.some((feature) => feature.retries?.(message, error));
  }
};

// src/publication.ts
var Publication = class extends Deferrable {
};

// src/publish.ts
function publish(session, content, options) {
  const publication = new Publication();
  const fail = (error) => publication.spoil(error);
  const copy = copyOf(content, (reason) => fail(failure(reason)));
  if (copy?.data === void 0) {
    fail(failure(`No data: ${typeof content.data}`));
    return publication;
  }
  const { attempts, deadline: seconds } = options;
  const deadline = seconds ? Date.now() + seconds * 1e3 : void 0;
  let id;
  const send = (isSecond = false) => {
    if (publication.isSettled) return;
    const message = { ...copy, clientId: session.clientId };
    id = session.transmit(message, { attempts, deadline }, (reply, error) => {
      if (!error) publication.succeed();
      else if (reply && !isSecond && session.pipeline.mayRetry(message, error)) send(true);
      else fail(error);
    });
  };
  if (seconds && deadline) {
    const expired = failure(`Not settled within ${seconds} s`);
    const expire = () => {
      if (Date.now() < deadline) return;
      if (id !== void 0) session.dispatcher.outbox.abort(id, expired);
      fail(expired);
    };
    const timer = later(expire, seconds * 1e3);
    void publication.then(() => clearTimeout(timer), () => clearTimeout(timer));
  }
  session.whenConnected(() => send(), fail, false);
  return publication;
}

// src/advice.ts
var REPLY_SECONDS = 10;
var Advised = class {
  #options;
  constructor(options) {
    this.#options = options;
    this.interval = 1e3 * options.interval;
    this.timeout = 1e3 * options.timeout;
  }
  /** The next session may be over another transport, for which the server advises otherwise. */
  forget() {
    this.interval = 1e3 * this.#options.interval;
  }
  heed({ advice }) {
    for (const field of ["interval", "timeout"]) {
      const value = advice?.[field];
      if (typeof value === "number" && value >= 0) this[field] = value;
    }
  }
  /** Seconds that a reply may take: as long as the server holds a connect, and a little more. */
  replyTime() {
    return 1.2 * this.timeout / 1e3 || Math.max(1.2 * this.#options.retry, REPLY_SECONDS);
  }
};
function fateOf(reply, clientId) {
  const reconnect = reply.advice?.reconnect;
  if (reconnect === "none") return "over";
  const { message, params } = parseError(reply.error);
  if (reconnect !== "handshake" && (reply.successful || !/unknown client/i.test(message))) return void 0;
  const named = reply.clientId ?? params.find(Boolean);
  return named === void 0 || named === clientId ? "lost" : void 0;
}

// src/backoff.ts
var FIRST_SECONDS = 1;
function delayAfter(failures, retry, limit, random = Math.random) {
  if (failures < 2) return 1e3 * Math.min(FIRST_SECONDS, retry) * random();
  const longest = Math.min(retry * 2 ** (failures - 2), Math.max(limit, retry));
  return 1e3 * longest * (0.5 + random() / 2);
}
var Backoff = class {
  #count = 0;
  #options;
  #free;
  /** `free` is how many failures cost nothing. */
  constructor(options, free) {
    this.#options = options;
    this.#free = free;
  }
  /** One more failure: the milliseconds to wait. */
  next() {
    this.#count += 1;
    const counted = this.#count - this.#free;
    return counted > 0 ? delayAfter(counted + 1, this.#options.retry, this.#options.maxRetry) : 0;
  }
  reset() {
    this.#count = 0;
  }
};

// src/envelope.ts
function enclose(message, schedule, settle) {
  return {
    message,
    schedule,
    settle,
    transport: void 0,
    clientId: void 0,
    sessions: 0,
    isAlone: false,
    isTrial: false,
    isRetired: false,
    isOverdue: false
  };
}
var isConnect = ({ channel }) => channel === CONNECT;
function stamp(envelope, candidate, clientId, isUp) {
  const { message } = envelope;
  if (message.clientId !== void 0) message.clientId = clientId;
  if (envelope.clientId !== clientId) envelope.sessions += 1;
  envelope.clientId = clientId;
  if (!isConnect(message)) return;
  message.connectionType = candidate.kind.type;
  const isTrial = !isUp && !candidate.kind.ownsSession;
  if (isTrial) message.advice = { timeout: 0 };
  else if (envelope.isTrial) delete message.advice;
  envelope.isTrial = isTrial;
}

// src/connects.ts
var QUICK_MILLISECONDS = 50;
var QUICK_IN_A_ROW = 5;
var LONGEST_BRAKE = 5e3;
var Connects = class {
  /** Whether a message came since the connect was sent. */
  hasHeard = false;
  /** Whether the server is being told that we go: it would not know who connects then. */
  isOver = false;
  #dispatcher;
  #transmit;
  #options;
  #advised;
  #underWay;
  #isFirst = true;
  #quick = 0;
  #refusals = 0;
  #timer;
  constructor(dispatcher, options, advised, transmit) {
    this.#dispatcher = dispatcher;
    this.#options = options;
    this.#advised = advised;
    this.#transmit = transmit;
  }
  /** Connects, unless a connect waits or is under way over the transport in use. */
  cycle() {
    const { current, clientId } = this.#dispatcher.selector;
    if (!clientId || !current || this.isOver) return;
    if (this.#underWay) {
      const carrier = this.#dispatcher.outbox.carrier(this.#underWay.id);
      if (!carrier || carrier === current.transport) return;
    }
    clearTimeout(this.#timer);
    const message = { channel: CONNECT, clientId, connectionType: current.kind.type };
    if (this.#isFirst && !current.kind.isSocket) message.advice = { timeout: 0 };
    const underWay = { id: "" };
    const sentAt = Date.now();
    this.#underWay = underWay;
    this.hasHeard = false;
    underWay.id = this.#transmit(message, (reply) => {
      if (this.#underWay !== underWay) return;
      this.#underWay = void 0;
      this.#isFirst = false;
      this.#dispatcher.outbox.retire(isConnect);
      const delay = this.#delay(reply, sentAt);
      if (delay > 0) this.#timer = later(() => this.cycle(), delay);
      else this.cycle();
    });
  }
  #delay(reply, sentAt) {
    const { interval, timeout } = this.#advised;
    const elapsed = Date.now() - sentAt;
    const { retry } = this.#options;
    if (!reply?.successful) return Math.max(delayAfter(++this.#refusals, retry, retry), interval);
    this.#refusals = 0;
    const isQuick = !this.hasHeard && elapsed < QUICK_MILLISECONDS;
    this.#quick = isQuick ? this.#quick + 1 : 0;
    const excess = this.#quick - QUICK_IN_A_ROW;
    const brake = excess > 0 ? Math.min(100 * 2 ** excess, LONGEST_BRAKE) : 0;
    return Math.max(timeout ? interval : interval - elapsed, brake);
  }
  /** The session is over. */
  stop() {
    this.#isFirst = true;
    this.isOver = false;
    clearTimeout(this.#timer);
    this.#underWay = void 0;
  }
};

// src/early.ts
var PATIENCE = 1e3;
var Early = class {
  #messages = [];
  #timer;
  #give;
  #giveUp;
  /** `giveUp` is called when the others did not come in time. */
  constructor(give, giveUp) {
    this.#give = give;
    this.#giveUp = giveUp;
  }
  keep(message) {
    this.#messages.push(message);
    this.#timer ??= later(() => {
      this.#giveUp();
      this.release();
    }, PATIENCE);
  }
  release() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
    for (const message of this.#messages.splice(0)) this.#give(message);
  }
};

// src/outbox.ts
var MOST_SESSIONS = 3;
var MOST = 200;
var Outbox = class {
  #envelopes = /* @__PURE__ */ new Map();
  add(envelope) {
    this.#envelopes.set(envelope.message.id, envelope);
  }
  get(id) {
    return id === void 0 ? void 0 : this.#envelopes.get(id);
  }
  /** Whether there is no publication. */
  get isEmpty() {
    return this.all().every(({ message }) => isMeta(message));
  }
  all() {
    return [...this.#envelopes.values()];
  }
  /** Those of these messages that a transport carries; without messages, all that it carries. */
  carriedBy(transport, messages) {
    return this.all().filter((envelope) => envelope.transport === transport && (!messages || messages.includes(envelope.message)));
  }
  /** Gives up a message. */
  abort(id, error) {
    const envelope = this.get(id);
    if (!envelope) return;
    envelope.schedule.tell("abort");
    this.drop(envelope)(void 0, error);
  }
  /** Forgets messages without a word: nobody needs the reply any more. */
  forget(matches) {
    for (const envelope of this.all()) if (matches(envelope.message)) this.drop(envelope);
  }
  /** What carries a message now; undefined while it waits. */
  carrier(id) {
    return this.get(id)?.transport;
  }
  /** A publication whose session the server has forgotten goes on in the next one, at its place. Gives whether it does. */
  goesOn(envelope, reply) {
    const { message, clientId, sessions } = envelope;
    if (isMeta(message) || sessions >= MOST_SESSIONS) return false;
    if (fateOf(reply, clientId ?? "") !== "lost") return false;
    this.wait(envelope);
    return true;
  }
  /** What waits and may be sent over a transport now. What may be sent no more is given up. */
  sendable(transport, clientId) {
    const isMoving = this.isElsewhere(transport, (message) => !isConnect(message));
    const isOlder = this.older(clientId).length > 0;
    const waiting = [];
    for (const envelope of this.#envelopes.values()) {
      const { channel } = envelope.message;
      if (envelope.transport || !clientId && channel !== HANDSHAKE) continue;
      if (channel !== HANDSHAKE && channel !== CONNECT) {
        if (isMoving || isOlder && channel !== SUBSCRIBE && channel !== UNSUBSCRIBE) continue;
      }
      if (!envelope.schedule.isDeliverable) {
        this.giveUp(envelope);
        continue;
      }
      if (envelope.isAlone && waiting.length > 0) break;
      waiting.push(envelope);
      if (envelope.isAlone || waiting.length >= MOST) break;
    }
    return waiting;
  }
  /** What is under way and was sent in another session. */
  older(clientId) {
    return this.all().filter((envelope) => envelope.transport && envelope.message.clientId !== void 0 && envelope.clientId !== clientId);
  }
  /** Takes a message out. Whoever waits for the reply is to be told by what is given. */
  end(envelope) {
    clearTimeout(envelope.timer);
    this.#envelopes.delete(envelope.message.id);
    return envelope.settle;
  }
  /** Takes a message out that has no reply. */
  fail(envelope, error) {
    this.end(envelope)(void 0, error);
  }
  /** Takes a message out, whose reply nobody waits for any more. */
  drop(envelope) {
    envelope.transport?.cancel(envelope.message);
    return this.end(envelope);
  }
  /**
   * The messages are not sent again. What is under way goes on, because a server that has begun to answer may have put
   * messages for us into its answer.
   */
  retire(matches) {
    for (const envelope of this.all()) {
      if (!matches(envelope.message)) continue;
      if (!envelope.transport) this.end(envelope);
      envelope.isRetired = true;
      envelope.settle = () => {
      };
    }
  }
  /** Whether a message of this sort is under way on any transport but this one. */
  isElsewhere(transport, matches) {
    return this.all().some((envelope) => envelope.transport && envelope.transport !== transport && !envelope.isOverdue && matches(envelope.message));
  }
  /** Faye never answers a connect that another one has replaced. */
  waitNoLonger() {
    for (const envelope of this.all()) if (isConnect(envelope.message)) envelope.isOverdue = true;
  }
  /** It was not answered: it waits to be sent again, or is given up. */
  wait(envelope) {
    if (envelope.isRetired) return void this.drop(envelope);
    clearTimeout(envelope.timer);
    envelope.transport = void 0;
    envelope.isOverdue = false;
    envelope.schedule.tell("fail");
    if (!envelope.schedule.isDeliverable) this.giveUp(envelope);
  }
  giveUp(envelope) {
    envelope.schedule.tell("abort");
    this.fail(envelope, failure("Out of attempts"));
  }
  /** A server ended the socket because of one message, which would happen again: it is the largest with data. */
  refuseLargest(envelopes, error) {
    const size = ({ message }) => JSON.stringify(message).length;
    const [largest] = envelopes.filter(({ message }) => message.data !== void 0).sort((a, b) => size(b) - size(a));
    if (largest) this.fail(largest, error);
  }
};

// src/schedule.ts
var Schedule = class {
  #scheduler;
  #options;
  constructor(Given, message, options) {
    this.#options = options;
    this.#scheduler = attempt(() => new Given(message, options), new Scheduler(message, options));
  }
  /** Milliseconds until a reply is missed. */
  get timeout() {
    return 1e3 * (attempt(() => this.#scheduler.getTimeout(), 0) || this.#options.timeout);
  }
  /** Milliseconds until the message is sent again, if the application decides that. */
  get interval() {
    if (this.#scheduler.getInterval === Scheduler.prototype.getInterval) return void 0;
    const seconds = attempt(() => this.#scheduler.getInterval(), NaN);
    return seconds >= 0 ? 1e3 * seconds : void 0;
  }
  get isDeliverable() {
    return attempt(() => this.#scheduler.isDeliverable(), false);
  }
  tell(what) {
    attempt(() => this.#scheduler[what]());
  }
};

// src/candidate.ts
var SHORT_LIFE = 5e3;
var MOST_CUTS = 3;
var SHUN_TIME = 3e4;
var SHORT_SHUN_TIME = 2e3;
var SHUN_LIMIT = 6e5;
function hasHeld(candidate) {
  if (!candidate.isProven) return false;
  candidate.cuts = Date.now() - candidate.openedAt < SHORT_LIFE ? candidate.cuts + 1 : 0;
  if (candidate.cuts === 0) candidate.shunned = 0;
  return candidate.cuts < MOST_CUTS;
}
function shun(candidate) {
  candidate.shunnedAt = Date.now();
  const first = candidate.hasWorked && candidate.cuts === 0 ? SHORT_SHUN_TIME : SHUN_TIME;
  candidate.shunnedUntil = candidate.shunnedAt + Math.min(first * 2 ** candidate.shunned, SHUN_LIMIT);
  candidate.shunned += 1;
}
function spare(candidate) {
  candidate.shunnedUntil = candidate.shunned = candidate.cuts = 0;
}

// src/selector.ts
var HEAD_START = 1500;
var LINGER = 2e3;
var OPEN_TIME = 2e4;
var Selector = class {
  #disabled = /* @__PURE__ */ new Set();
  #settings;
  #listener;
  /** The types that the server offers; undefined before the handshake. */
  #offered;
  #heardAt = 0;
  #timer;
  constructor({ kinds, endpointFor, settings }, listener) {
    this.#settings = settings;
    this.#listener = listener;
    this.candidates = kinds.map((kind) => ({
      kind,
      endpoint: endpointFor(kind.type),
      transport: void 0,
      isOpen: false,
      openedAt: 0,
      isProven: false,
      hasWorked: false,
      cuts: 0,
      shunnedAt: 0,
      shunnedUntil: 0,
      shunned: 0
    }));
  }
  disable(type) {
    this.#disabled.add(type);
    const wasCurrent = this.current?.kind.type === type;
    for (const candidate of this.candidates) if (candidate.kind.type === type) this.#close(candidate);
    if (wasCurrent) this.select();
  }
  isDisabled(feature) {
    return this.#disabled.has(feature);
  }
  /** The types that this client can use with its endpoints. */
  types() {
    const possible = this.candidates.filter((candidate) => this.#isPossible(candidate) && !candidate.kind.ownsSession);
    return possible.map(({ kind }) => kind.type);
  }
  /** A session begins or ends. Without a session, only what needs none may be used. */
  begin(clientId, offered) {
    this.clientId = clientId;
    this.#offered = offered;
    for (const candidate of this.candidates) if (candidate.kind.needsClient) this.#close(candidate);
    this.select();
  }
  #isPossible({ kind, endpoint }) {
    return !this.#disabled.has(kind.type) && kind.isUsable(endpoint, this.#settings);
  }
  /** Takes the best transport that is open, and opens better ones. */
  select() {
    clearTimeout(this.#timer);
    const now = Date.now();
    let wake = Infinity;
    let opening;
    let best;
    for (const candidate of this.candidates) {
      const { kind } = candidate;
      if (!this.#isPossible(candidate)) continue;
      if (this.#offered && !this.#offered.includes(kind.type)) continue;
      if (kind.needsClient && !this.clientId) continue;
      if (candidate.shunnedUntil > now) {
        wake = Math.min(wake, candidate.shunnedUntil);
        continue;
      }
      if (!candidate.transport && !(kind.isSocket && opening)) this.#open(candidate, now);
      if (!candidate.isOpen) {
        if (candidate.transport) opening ??= candidate;
      } else {
        best = candidate;
        break;
      }
    }
    if (!this.current && opening && (opening.kind.ownsSession || opening.hasWorked && this.clientId)) {
      const left = opening.openedAt + HEAD_START - now;
      if (left > 0) {
        best = void 0;
        wake = Math.min(wake, now + left);
      }
    }
    if (!best && !opening && !this.current) return this.#listener.stranded();
    if (wake < Infinity) this.#timer = later(() => this.select(), wake - now);
    if (best && best !== this.current) {
      this.current = best;
      if (best.kind.isSocket) this.#closeLesser(best);
      this.#listener.switched();
    }
  }
  #open(candidate, now) {
    const { kind, endpoint } = candidate;
    candidate.openedAt = now;
    candidate.isProven = false;
    candidate.isOpen = !kind.isSocket;
    let transport;
    const isCurrent = () => candidate.transport === transport;
    const to = {
      opened: () => {
        if (!isCurrent()) return;
        clearTimeout(candidate.timer);
        candidate.isOpen = candidate.isProven = candidate.hasWorked = true;
        this.select();
        if (!kind.ownsSession) this.#listener.answered();
      },
      ready: () => this.#listener.ready(),
      received: (messages) => {
        this.#heardAt = Date.now();
        const isReply = messages.some(({ successful }) => successful !== void 0);
        if (isReply && isCurrent()) candidate.isProven = candidate.hasWorked = true;
        this.#listener.received(transport, messages);
      },
      failed: (messages, error) => {
        if (!isCurrent()) return;
        if (!candidate.isProven && kind.isBlockable) this.fail(candidate, error);
        else if (candidate === this.current) this.#listener.failed(candidate, transport, messages, error);
        else this.#listener.moved(transport, messages);
      },
      refused: (messages, status) => this.#listener.refused(messages, status),
      relayed: (isUp, error, retryIn) => {
        if (candidate === this.current) this.#listener.relayed(isUp, error, retryIn);
      },
      closed: (error) => {
        if (isCurrent()) this.fail(candidate, error);
      }
    };
    try {
      transport = kind.open({ endpoint, settings: this.#settings, clientId: this.clientId, to });
    } catch (error) {
      return this.fail(candidate, failure(String(error)));
    }
    candidate.transport = transport;
    if (kind.isSocket) {
      candidate.timer = later(() => this.fail(candidate, failure("Not open")), OPEN_TIME);
    }
  }
  /** A socket has taken the place of lesser ones, which may still bring what was sent before. */
  #closeLesser(candidate) {
    clearTimeout(candidate.timer);
    candidate.timer = later(() => {
      if (candidate !== this.current) return;
      for (const lesser of this.candidates.slice(this.candidates.indexOf(candidate) + 1)) {
        if (lesser.kind.isSocket) this.#close(lesser);
      }
    }, LINGER);
  }
  /** A transport ended, or is to end because it does not answer. */
  fail(candidate, error) {
    const { transport, kind } = candidate;
    const wasCurrent = candidate === this.current;
    log("info", "? failed: ?", kind.type, error.message);
    if (kind.isBlockable && !hasHeld(candidate)) shun(candidate);
    this.#drop(candidate);
    if (!transport) return;
    if (!wasCurrent) {
      this.#listener.moved(transport, void 0);
      this.select();
      return;
    }
    this.#listener.failed(candidate, transport, void 0, error);
    if (kind.ownsSession) this.#listener.lost(error);
  }
  /**
   * Nothing is used until `select` is called again, because a transport failed. The failures of others said nothing about them
   * if nothing has answered since, or if the one that took their place is cut as they were.
   */
  release(failed) {
    this.current = void 0;
    clearTimeout(this.#timer);
    for (const candidate of this.candidates) {
      const { shunnedAt, cuts } = candidate;
      if (!failed || candidate !== failed && (shunnedAt > this.#heardAt || cuts >= MOST_CUTS)) spare(candidate);
    }
  }
  /** Asks the other side whether it is there. */
  check() {
    this.current?.transport?.check?.();
  }
  /** Forgets who did not work: the network is another one now. */
  forgive() {
    for (const candidate of this.candidates) spare(candidate);
  }
  #drop(candidate) {
    clearTimeout(candidate.timer);
    const { transport } = candidate;
    candidate.transport = void 0;
    candidate.isOpen = candidate.isProven = false;
    if (candidate === this.current) this.current = void 0;
    transport?.close();
  }
  #close(candidate) {
    const { transport } = candidate;
    this.#drop(candidate);
    if (transport) this.#listener.moved(transport, void 0);
  }
  /** Closes everything. */
  close() {
    clearTimeout(this.#timer);
    this.clientId = void 0;
    for (const candidate of this.candidates) this.#close(candidate);
  }
};

// src/dispatcher.ts
var OLD_REQUESTS = 3e3;
var Dispatcher = class {
  #options;
  #listener;
  outbox = new Outbox();
  #failures = 0;
  #pause;
  #old;
  #isFlushing = false;
  #held = 0;
  /** Whether another has told that the server is away: replies of that other say nothing then. */
  #isRelayed = false;
  #early = new Early((message) => this.#receive(message), () => this.outbox.waitNoLonger());
  constructor(reach, options, listener) {
    this.#options = options;
    this.#listener = listener;
    this.selector = new Selector(reach, this);
  }
  /** Sends a message with an id. */
  send(message, limits, settle) {
    const { scheduler, retry } = this.#options;
    this.outbox.add(enclose(message, new Schedule(scheduler, message, { ...limits, interval: retry }), settle));
    this.flush();
  }
  /** Gives up everything. */
  clear(error) {
    clearTimeout(this.#pause);
    clearTimeout(this.#old);
    this.#early.release();
    this.#pause = this.isUp = void 0;
    this.#failures = 0;
    for (const envelope of this.outbox.all()) this.outbox.fail(envelope, error);
  }
  /** Messages that `act` sends leave together. */
  batch(act) {
    this.#held += 1;
    try {
      act();
    } finally {
      this.#held -= 1;
      this.flush();
    }
  }
  /** Sends what waits, at the end of the current work so that what is sent together leaves together. */
  flush() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    void Promise.resolve().then(() => {
      this.#isFlushing = false;
      if (this.#held === 0 && !this.#pause) this.#flushNow();
    });
  }
  #flushNow() {
    const { current, clientId } = this.selector;
    if (!current?.transport) return;
    const { transport } = current;
    const sendable = this.outbox.sendable(transport, clientId);
    if (sendable.length === 0) return;
    for (const envelope of sendable) stamp(envelope, current, this.selector.clientId, Boolean(this.isUp));
    const taken = new Set(transport.send(sendable.map(({ message }) => message)));
    if (taken.size > 0 && (taken.size < sendable.length || taken.size === MOST)) this.flush();
    for (const envelope of sendable) {
      if (!taken.has(envelope.message)) continue;
      envelope.transport = transport;
      envelope.schedule.tell("send");
      const { timeout } = envelope.schedule;
      envelope.timer = later(() => this.#timedOut(envelope, current, timeout), timeout);
    }
  }
  #timedOut(envelope, candidate, timeout) {
    const { transport, message } = envelope;
    if (envelope.isRetired) return void this.outbox.drop(envelope);
    const error = failure(`No reply to ${message.channel} within ${Math.round(timeout / 1e3)} s`);
    if (candidate.kind.isSocket && candidate.transport === transport) return this.selector.fail(candidate, error);
    transport.cancel(message);
    if (candidate === this.selector.current) this.failed(candidate, transport, [message], error);
    else this.moved(transport, [message]);
  }
  switched() {
    this.#listener.switched();
    this.flush();
  }
  ready = () => this.flush();
  received(transport, messages) {
    const isNew = transport === this.selector.current?.transport;
    if (isNew && messages.some((message) => isConnect(message) && message.successful !== void 0)) {
      this.outbox.waitNoLonger();
      this.#early.release();
    }
    const isEarly = isNew && this.outbox.isElsewhere(transport, isConnect);
    for (const message of messages) {
      if (isEarly && message.successful === void 0) this.#early.keep(message);
      else this.#receive(message);
    }
    if (!this.outbox.isElsewhere(this.selector.current?.transport ?? transport, isConnect)) this.#early.release();
    this.flush();
  }
  #receive(message) {
    const isReply = message.successful !== void 0;
    let envelope = isReply ? this.outbox.get(message.id) : void 0;
    if (envelope?.message.channel !== message.channel) envelope = void 0;
    if (envelope && this.outbox.goesOn(envelope, message)) envelope = void 0;
    envelope?.schedule.tell("succeed");
    const settle = envelope && this.outbox.end(envelope);
    if (isReply) this.#failures = 0;
    if (!this.#isRelayed) this.#setUp();
    this.#listener.received(message, settle);
  }
  #setUp() {
    if (this.isUp) return;
    this.isUp = true;
    this.#listener.up();
  }
  /** A socket is open, and the server has answered over it. */
  answered() {
    this.#failures = 0;
    this.#setUp();
    if (this.#pause) this.retry();
  }
  failed(candidate, transport, messages, error) {
    if (error.code === 413) this.outbox.refuseLargest(this.outbox.carriedBy(transport, messages), error);
    const affected = this.outbox.carriedBy(transport, messages);
    this.#down(candidate, error, affected);
    for (const envelope of affected) this.outbox.wait(envelope);
  }
  moved(transport, messages) {
    for (const envelope of this.outbox.carriedBy(transport, messages)) this.outbox.wait(envelope);
    this.flush();
  }
  /** A request that the server did not read: its messages go again one by one, to find the one at fault. */
  refused(messages, status) {
    const error = new FayeError(status, [], `The server answered ${status}`);
    for (const message of messages) {
      const envelope = this.outbox.get(message.id);
      if (!envelope) continue;
      const isSingle = messages.length === 1;
      if (isSingle && message.channel !== HANDSHAKE && message.channel !== CONNECT) {
        this.outbox.fail(envelope, error);
      } else {
        envelope.isAlone = true;
        if (isSingle) this.#down(this.selector.current, error, [envelope]);
        this.outbox.wait(envelope);
      }
    }
    this.flush();
  }
  relayed(isUp, error, retryIn) {
    this.#isRelayed = !isUp;
    if (isUp) return this.#setUp();
    const wasUp = this.isUp !== false;
    this.isUp = false;
    this.#listener.down(error ?? failure("The server does not answer"), retryIn ?? 0, wasUp, void 0);
  }
  stranded() {
    this.#down(void 0, failure("No transport can be used"), []);
  }
  lost = (error) => this.#listener.lost(error);
  #down(candidate, error, affected) {
    if (this.#pause) return;
    this.#failures += 1;
    const { retry, maxRetry } = this.#options;
    const own = affected.map(({ schedule }) => schedule.interval).find((interval) => interval !== void 0);
    const delay = own ?? delayAfter(this.#failures, retry, maxRetry);
    this.#isRelayed = false;
    this.selector.release(candidate);
    this.#pause = later(() => this.retry(), delay);
    const wasUp = this.isUp !== false;
    this.isUp = false;
    this.#listener.down(error, delay, wasUp, candidate);
  }
  /** A session has begun: requests of the one before hold up those of this one for some seconds only. */
  renewed() {
    clearTimeout(this.#old);
    this.#old = later(() => {
      for (const envelope of this.outbox.older(this.selector.clientId)) {
        envelope.transport.cancel(envelope.message);
        this.outbox.wait(envelope);
      }
      this.flush();
    }, OLD_REQUESTS);
  }
  /** Tries again now. */
  retry() {
    clearTimeout(this.#pause);
    this.#pause = void 0;
    this.selector.select();
    this.flush();
  }
  /** The network may be there again: tries at once, forgets what did not work, and asks whether the server is there. */
  wake() {
    if (this.isUp === void 0 && !this.#pause) return;
    this.selector.forgive();
    this.#failures = 0;
    this.retry();
    this.selector.check();
  }
};

// src/farewell.ts
var LONGEST2 = 1e4;
var Farewell = class {
  #done;
  #timer;
  get isBegun() {
    return this.#done !== void 0;
  }
  takeNext() {
    const { next } = this;
    this.next = void 0;
    return next;
  }
  begin(done) {
    this.#done = done;
    this.#timer = later(() => this.end(failure("The server does not answer")), LONGEST2);
  }
  end(error) {
    const done = this.#done;
    clearTimeout(this.#timer);
    this.#done = this.id = void 0;
    done?.(error);
  }
};

// src/waiting.ts
var Waiting = class {
  #tasks = [];
  /** Whether nothing waits but what may wait for a later session. */
  get isEmpty() {
    return this.#tasks.every(({ isLasting }) => isLasting);
  }
  add(task) {
    this.#tasks.push(task);
  }
  runAll() {
    for (const { run } of this.#tasks.splice(0)) attempt(run);
  }
  /** Fails what does not last, or everything. */
  fail(error, isFinal) {
    const tasks = this.#tasks.splice(0);
    this.#tasks = tasks.filter(({ isLasting }) => isLasting && !isFinal);
    for (const { isLasting, fail } of tasks) if (!isLasting || isFinal) fail(error);
  }
};

// src/session.ts
var Session = class {
  constructor(reach, options, pipeline, listener) {
    this.pipeline = pipeline;
    this.#refusals = new Backoff(options, 0);
    this.#losses = new Backoff(options, 1);
    this.#listener = listener;
    this.#advised = new Advised(options);
    this.dispatcher = new Dispatcher(reach, options, this);
    this.#connects = new Connects(
      this.dispatcher,
      options,
      this.#advised,
      (message, settle) => this.transmit(message, {}, settle)
    );
  }
  pipeline;
  phase = "unconnected";
  #listener;
  #connects;
  #advised;
  #waiting = new Waiting();
  #farewell = new Farewell();
  /** Handshakes refused, and sessions lost before they were of use, in a row. The first loss costs no time. */
  #refusals;
  #losses;
  #hasBegun = false;
  /** Counts the ends, so that what belongs to an earlier time is known. */
  #ends = 0;
  #timer;
  get clientId() {
    return this.dispatcher.selector.clientId;
  }
  get transport() {
    return this.dispatcher.selector.current?.kind.type;
  }
  get state() {
    if (this.phase === "connected") return this.dispatcher.isUp === false ? "interrupted" : "connected";
    return this.#hasBegun && this.phase !== "disconnected" ? "interrupted" : this.phase;
  }
  /** Whether the server is being told that we go. */
  get isEnding() {
    return this.#farewell.isBegun;
  }
  /** Whether it was ended and is not to begin again. */
  get isOver() {
    return this.isEnding ? !this.#farewell.next : this.phase === "disconnected";
  }
  report(reason, error, retryIn) {
    log("info", "?: ?", this.state, reason);
    this.#listener.report({ state: this.state, reason, transport: this.transport, error, retryIn });
  }
  /** Runs at once in a session, else begins one and waits for it. */
  whenConnected(run, fail, isLasting) {
    if (this.isOver) return fail(failure("The client is disconnected"));
    if (this.phase === "connected" && !this.isEnding) return run();
    (this.#farewell.next ?? this.#waiting).add({ run, fail, isLasting });
    this.start();
  }
  /** Shakes hands unless that was done, is under way, or waits for its time. */
  start() {
    if (this.phase !== "unconnected" || this.#timer) return;
    this.phase = "connecting";
    this.#listener.starts();
    const { selector } = this.dispatcher;
    const types = selector.types();
    if (types.length === 0) return this.end(failure("No transport can be used"));
    this.report("Shaking hands");
    selector.begin();
    const ends = this.#ends;
    this.transmit({ channel: HANDSHAKE, version: "1.0", supportedConnectionTypes: types }, {}, (reply, error) => {
      if (this.phase !== "connecting" || this.#ends !== ends) return;
      if (reply?.successful && reply.clientId) this.#accepted(reply);
      else this.#refused(reply, error ?? failure("No clientId"));
    });
  }
  /** Begins again after the end. */
  restart() {
    if (this.isEnding) this.#farewell.next ??= new Waiting();
    if (this.phase === "disconnected") this.phase = "unconnected";
    this.start();
  }
  #accepted(reply) {
    this.#refusals.reset();
    this.#hasBegun = true;
    const offered = reply.supportedConnectionTypes;
    this.dispatcher.selector.begin(reply.clientId, Array.isArray(offered) ? offered : [this.transport ?? ""]);
    this.phase = "connected";
    this.dispatcher.renewed();
    this.#connects.cycle();
    this.#listener.began();
    this.#waiting.runAll();
    this.report("The server accepted the session");
  }
  #refused(reply, error) {
    this.phase = "unconnected";
    if (reply && this.pipeline.mayRetry(reply, error)) return this.start();
    if (reply?.advice?.reconnect === "none") return this.end(error);
    const delay = Math.max(this.#refusals.next(), Number(reply?.advice?.interval) || 0);
    this.#later(delay);
    this.report("The server refused the session", error, delay);
    this.#waiting.fail(error, false);
  }
  #later(delay) {
    clearTimeout(this.#timer);
    this.#timer = later(() => {
      this.#timer = void 0;
      this.start();
    }, delay);
  }
  /** Sends a message. `settle` is called with its reply, or with what went wrong. Gives the id. */
  transmit(message, wishes, settle) {
    const timeout = this.#advised.replyTime();
    const ends = this.#ends;
    const isWanted = () => this.#ends === ends && wishes.isWanted?.() !== false;
    return this.pipeline.send(message, { ...wishes, timeout, isWanted }, this.dispatcher, settle);
  }
  received(message, settle) {
    this.pipeline.receive(message, (passed) => {
      if (!passed) return settle?.(void 0, failure("An extension dropped the message"));
      if (settle || passed.data === void 0 || isMeta(passed)) this.#heed(passed);
      else if (passed.channel) {
        this.#connects.hasHeard = true;
        this.#listener.deliver(passed);
      }
      if (settle) settle(passed, passed.successful ? void 0 : parseError(passed.error));
      else if (passed.channel === SUBSCRIBE && passed.successful === false) this.#listener.refused(passed);
    });
  }
  /** What a reply says about the session itself. */
  #heed(reply) {
    const { channel, successful, advice } = reply;
    this.#advised.heed(reply);
    if (this.phase !== "connected" || channel === HANDSHAKE || channel === DISCONNECT) return;
    if (channel === CONNECT && successful) this.#losses.reset();
    const fate = fateOf(reply, this.clientId);
    const error = successful ? failure("The server ended the session") : parseError(reply.error);
    if (fate === "over") this.end(error);
    else if (fate) this.lost(error, Number(advice?.interval) || 0);
  }
  /** The server has forgotten the session: shakes hands again, after so many milliseconds. */
  lost(error, delay = 0) {
    if (this.phase !== "connected") return;
    if (this.isEnding) return this.#farewell.end();
    this.phase = "unconnected";
    this.#connects.stop();
    this.dispatcher.outbox.forget(isMeta);
    this.dispatcher.selector.begin();
    this.#advised.forget();
    const wait = Math.max(this.#losses.next(), delay);
    this.#later(wait);
    this.report("The session was lost", error, wait);
  }
  switched() {
    if (this.phase !== "connected") return;
    if (this.dispatcher.isUp) this.report(`Messages use ${this.transport}`);
    this.#connects.cycle();
  }
  up() {
    this.#listener.up();
    if (this.phase === "connected") this.report("The server answers again");
  }
  down(error, retryIn, isFirst, failed) {
    if (failed?.kind.isSocket && this.dispatcher.outbox.carrier(this.#farewell.id)) return this.#farewell.end();
    if (isFirst) this.#listener.down();
    this.report(error.message, error, retryIn);
  }
  /** Tells the server, unless it does not answer and there is nothing to wait for. */
  disconnect(done) {
    const over = failure("The client is disconnected");
    this.#farewell.takeNext()?.fail(over, true);
    if (this.isOver) return done();
    this.#farewell.begin((error) => {
      done(error);
      if (this.phase !== "disconnected") this.end(over);
    });
    const say = () => {
      const clientId = this.clientId;
      this.#connects.isOver = true;
      this.#farewell.id = this.transmit({ channel: DISCONNECT, clientId }, {}, (reply, error) => {
        this.#farewell.end(reply && fateOf(reply, clientId) === "lost" ? void 0 : error);
      });
    };
    const { isUp, outbox } = this.dispatcher;
    const fail = () => this.#farewell.end(this.clientId ? failure("The server does not answer") : void 0);
    if ((isUp === false || this.phase === "unconnected") && this.#waiting.isEmpty && outbox.isEmpty) fail();
    else if (this.phase === "connected") say();
    else this.#waiting.add({ run: say, fail, isLasting: false });
  }
  /** It is over, until it is begun again. */
  end(error) {
    this.phase = "disconnected";
    this.#ends += 1;
    this.#hasBegun = false;
    this.#connects.stop();
    clearTimeout(this.#timer);
    this.#timer = void 0;
    this.dispatcher.selector.close();
    this.#waiting.fail(error, true);
    this.dispatcher.clear(error);
    this.#listener.ended(error);
    const next = this.#farewell.takeNext();
    this.#farewell.end();
    this.report(error.message, error);
    if (next) this.#waiting = next;
    if (next) this.restart();
  }
};

// src/channels.ts
var Channels = class {
  #channels = /* @__PURE__ */ new Map();
  /** Adds a listener and gives its channel. */
  add(subscription) {
    let channel = this.#channels.get(subscription.channel);
    if (!channel) {
      channel = { name: subscription.channel, standing: "unknown", subscriptions: [] };
      this.#channels.set(channel.name, channel);
    }
    channel.subscriptions = [...channel.subscriptions, subscription];
    return channel;
  }
  /** Removes a listener, or all of a channel. Gives the channel if nobody listens to it any more. */
  remove(name, subscription) {
    const channel = this.#channels.get(name);
    if (!channel) return void 0;
    const leaves = (each) => !subscription || each === subscription;
    const leaving = channel.subscriptions.filter(leaves);
    channel.subscriptions = channel.subscriptions.filter((each) => !leaves(each));
    for (const each of leaving) each.spoil(failure("The subscription was cancelled"));
    if (channel.subscriptions.length > 0 || leaving.length === 0) return void 0;
    this.#channels.delete(name);
    return channel;
  }
  get(name) {
    return this.#channels.get(name);
  }
  all() {
    return [...this.#channels.values()];
  }
  /** The session has ended: the next one knows no channel. */
  forget() {
    for (const channel of this.all()) channel.standing = "unknown";
  }
  /** The server agreed. */
  agree(channel) {
    channel.standing = "agreed";
    for (const subscription of channel.subscriptions) subscription.succeed();
  }
  /**
   * The server refused. Listeners that still waited for the answer are rejected and leave; those whose promise was
   * resolved before stay for the next session. Gives whether such are left.
   */
  refuse(channel, error) {
    channel.standing = "unknown";
    const waiting = channel.subscriptions.filter((subscription) => !subscription.isSettled);
    channel.subscriptions = channel.subscriptions.filter((subscription) => subscription.isSettled);
    for (const subscription of waiting) subscription.spoil(error);
    if (channel.subscriptions.length > 0) return true;
    this.#channels.delete(channel.name);
    return false;
  }
  /** Whoever still waits for an answer gets none. */
  reject(error) {
    for (const channel of this.all()) this.refuse(channel, error);
  }
  /** Ends every listener: the client is disconnected for good. */
  clear(error) {
    for (const channel of this.all()) {
      for (const subscription of channel.subscriptions) subscription.spoil(error);
    }
    this.#channels.clear();
  }
  /** Calls every listener whose channel or pattern matches, in Faye's order. */
  deliver(message) {
    for (const pattern of patternsOf(message.channel)) {
      for (const subscription of this.#channels.get(pattern)?.subscriptions ?? []) {
        subscription.apply(void 0, [message]);
      }
    }
  }
};

// src/subscribe.ts
var Subscriber = class {
  channels = new Channels();
  #session;
  #lost;
  /** `lost` is told of subscriptions that had been accepted and are no more. */
  constructor(session, lost) {
    this.#session = session;
    this.#lost = lost;
  }
  add(subscription) {
    if (this.#session.isOver) return subscription.spoil(failure("The client is disconnected"));
    const channel = this.channels.add(subscription);
    if (this.#session.phase !== "connected" || this.#session.isEnding) this.#session.start();
    else if (channel.standing === "agreed") subscription.succeed();
    else if (channel.standing === "unknown") this.#ask(channel);
  }
  /** Removes one listener of a channel, or all. The server is told when nobody listens any more. */
  remove(name, subscription) {
    const left = this.channels.remove(name, subscription);
    if (!left || left.standing === "unknown" || this.#session.phase !== "connected") return;
    const message = { channel: UNSUBSCRIBE, clientId: this.#session.clientId, subscription: name };
    this.#session.transmit(message, {}, () => {
    });
  }
  /** A session has begun, which knows of nothing. */
  renew() {
    this.channels.forget();
    for (const channel of this.channels.all()) this.#ask(channel);
  }
  #ask(channel, isSecond = false) {
    channel.standing = "asked";
    const message = { channel: SUBSCRIBE, clientId: this.#session.clientId, subscription: channel.name };
    const isWanted = () => this.channels.get(channel.name) === channel;
    this.#session.transmit(message, { isWanted }, (reply, error) => {
      if (!isWanted() || reply && this.#session.phase !== "connected") return;
      if (!error) this.channels.agree(channel);
      else if (reply && !isSecond && this.#session.pipeline.mayRetry(message, error)) this.#ask(channel, true);
      else this.#refuse(channel, error);
    });
  }
  #refuse(channel, error) {
    if (this.channels.refuse(channel, error)) this.#lost(channel.name, error);
  }
  /** The server took subscriptions away, for example because a token expired. */
  takenAway(message) {
    for (const name of [message.subscription ?? []].flat()) {
      const channel = this.channels.get(name);
      if (channel?.standing !== "agreed") continue;
      const refusal = parseError(message.error);
      if (this.#session.pipeline.mayRetry(message, refusal)) this.#ask(channel, true);
      else this.#refuse(channel, refusal);
    }
  }
};

// src/subscription.ts
var Subscription = class extends Deferrable {
  #end;
  #callback;
  #withChannel;
  #isCancelled = false;
  /** Used by the client; applications call `subscribe`. */
  constructor(channel, callback, context, end) {
    super();
    this.channel = channel;
    this.#end = end;
    this.#callback = (message) => callback?.call(context, message.data);
  }
  /** Calls `callback` with the channel and the data of each message, which is useful with patterns. */
  withChannel(callback, context) {
    this.#withChannel = (message) => callback.call(context, message.channel, message.data);
    return this;
  }
  /** Ends the subscription. The client unsubscribes at the server when this was its last listener of the channel. */
  cancel() {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#end(this);
  }
  /** Ends the subscription, like `cancel`. */
  unsubscribe() {
    this.cancel();
  }
  /** Passes a message to the callbacks. */
  apply(_context, [message]) {
    for (const call of [this.#callback, this.#withChannel]) {
      attempt(() => call?.(message));
    }
  }
};

// src/client.ts
var BaseClient = class extends Awaitable {
  #extensions = new Extensions();
  #headers;
  #farewell;
  #make;
  #made;
  #features;
  #watch;
  #unwatch;
  /** Used by the platforms' `Client` classes. */
  constructor(endpoint, given, environment) {
    super(EVENTS);
    const options = { ...given };
    const address = String(endpoint);
    const addresses = endpointsOf(options);
    const resolved = sessionOptions(options);
    const settings = environment.settings(options);
    this.#headers = settings.headers;
    const features = this.#features = featuresOf(options, address, (channel, error) => this.emit("replay:gap", { channel, error }));
    this.#make = () => {
      const main = environment.resolve(address);
      this.#farewell = (message) => environment.beacon?.(main, message);
      const endpointFor = (type) => environment.resolve(addresses[type] ?? address);
      const reach = { kinds: environment.kinds(options, main), endpointFor, settings };
      return new Session(reach, resolved, new Pipeline(this.#extensions, features), this.#listen());
    };
    this.#watch = () => environment.watch({
      wake: () => this.wake(),
      doubt: () => this.#session.dispatcher.selector.check(),
      hide: () => saveAll(features),
      leave: () => leave(this.#session, this.#farewell)
    });
    log("info", "New client created for ?", address);
  }
  get #parts() {
    if (!this.#made) {
      const session = this.#make();
      this.#made = { session, subscriber: new Subscriber(session, (channel, error) => this.emit("subscription:refused", { channel, error })) };
    }
    return this.#made;
  }
  get #session() {
    return this.#parts.session;
  }
  get #subscriber() {
    return this.#parts.subscriber;
  }
  #listen() {
    return {
      report: (event) => this.emit("connection", event),
      up: () => this.emit("transport:up"),
      down: () => this.emit("transport:down"),
      starts: () => void (this.#unwatch ??= this.#watch()),
      began: () => {
        this.#subscriber.renew();
        this.setDeferredStatus("succeeded");
      },
      ended: (error) => {
        this.#unwatch?.();
        this.#unwatch = void 0;
        this.#subscriber.channels.reject(error);
        saveAll(this.#features);
        this.setDeferredStatus("failed", error);
      },
      deliver: (message) => this.#subscriber.channels.deliver(message),
      refused: (message) => this.#subscriber.takenAway(message)
    };
  }
  /** Prevents frameworks from wrapping the client as a plain object, which would break its private members. */
  get [Symbol.toStringTag]() {
    return "Faye.Client";
  }
  /**
   * The state of the connection: `unconnected` before the first use, `connecting`, `connected`, `interrupted` while the
   * client retries, and `disconnected` after `disconnect` or when the server advises clients to stop. The event `connection`
   * reports changes.
   */
  get state() {
    return this.#made?.session.state ?? "unconnected";
  }
  /** The connection type in use, such as `websocket`; undefined without one. */
  get transport() {
    return this.#made?.session.transport;
  }
  /**
   * The identifier of the session; undefined without one. It gives access to the session: do not show or log it.
   */
  get clientId() {
    return this.#made?.session.clientId;
  }
  /** Starts a session and calls `callback` once it exists. */
  handshake(callback, context) {
    this.connect(callback, context);
  }
  /** Connects, also after `disconnect`, and calls `callback` once the client has a session. */
  connect(callback, context) {
    if (this.#session.phase !== "connected") this.awaitConnection();
    this.#session.restart();
    const call = () => void Promise.resolve().then(() => callback.call(context));
    if (callback) this.#session.whenConnected(call, () => {
    }, true);
  }
  /** Ends the session after the replies to earlier messages. Promises that are still pending then reject. */
  disconnect() {
    const publication = new Publication();
    this.#subscriber.channels.clear(failure("The client is disconnected"));
    this.#session.disconnect((error) => error ? publication.spoil(error) : publication.succeed());
    return publication;
  }
  subscribe(channel, callback, context, options) {
    if (Array.isArray(channel)) return channel.map((each) => this.subscribe(each, callback, context, options));
    if (callback && typeof callback !== "function") throw failure("Not a function: callback");
    checkOptions(options ?? {}, { replay: "" });
    for (const feature of this.#features) feature.start?.(channel, options?.replay);
    const subscription = new Subscription(channel, callback, context, (each) => this.unsubscribe(channel, each));
    this.#subscriber.add(subscription);
    return subscription;
  }
  /** Ends one subscription to a channel, or all of them. */
  unsubscribe(channel, subscription) {
    for (const each of [channel].flat()) this.#subscriber.remove(each, subscription);
  }
  /**
   * Publishes a message. Connects if needed, and waits for the connection.
   *
   * @param data any value that JSON can represent. The call copies it, so later changes have no effect.
   * @param options limits for this message; without them the client sends it until the server replies.
   * @returns a promise that resolves when the server accepts the message. It rejects with a `FayeError` when the server
   *   refuses it, when a limit is reached, when the client is disconnected, or immediately if JSON cannot represent `data`.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  publish(channel, data, options) {
    checkOptions(options ?? {}, { attempts: 0, deadline: 0 });
    return publish(this.#session, { channel, data }, options ?? {});
  }
  /** Publishes a message with all its fields. */
  publishMessage(message) {
    return publish(this.#session, message, {});
  }
  /** Checks the connection immediately. The client does so itself when the network or the page returns. */
  wake() {
    this.#session.dispatcher.wake();
  }
  /** Sends the messages of `act` together. */
  batch(act, context) {
    this.#session.dispatcher.batch(() => act.call(context));
  }
  /** Switches off a connection type, the shared connection, or the disconnect when the page is left (`autodisconnect`). */
  disable(feature) {
    checkName("feature", feature, FEATURES);
    const { selector } = this.#session.dispatcher;
    selector.disable(feature);
    const isStarted = this.state !== "unconnected" && this.state !== "disconnected";
    if (isStarted && selector.types().length === 0) this.#session.end(failure("No transport can be used"));
  }
  /** Sets a header for all requests. A browser cannot send it with WebSockets, EventSource and JSON-P. */
  setHeader(name, value) {
    this.#headers[name] = value;
  }
  /**
   * Appends an extension, which sees each outgoing and incoming message and may change, delay or drop it. It sees an outgoing
   * message once, even if the client sends it several times.
   */
  addExtension(extension) {
    this.#extensions.add(extension, this);
  }
  /** Removes an extension. Does nothing if it was not added before. */
  removeExtension(extension) {
    this.#extensions.remove(extension, this);
  }
  /** Does nothing, for compatibility with Faye; compression is left to the platform's WebSocket. */
  addWebsocketExtension(_extension) {
  }
};
Object.assign(BaseClient.prototype, CONSTANTS);

// src/cookies.ts
var MOST_COOKIES = 50;
var Cookies = class {
  #byHost = /* @__PURE__ */ new Map();
  /** The value of the header, if there is anything to send. */
  header({ host }) {
    const cookies = this.#byHost.get(host);
    if (!cookies?.size) return void 0;
    return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }
  store({ host }, lines) {
    const cookies = this.#byHost.get(host) ?? /* @__PURE__ */ new Map();
    this.#byHost.set(host, cookies);
    for (const line of lines) {
      const [, name, value, attributes] = /^\s*([^=;\s]+)=([^;]*)(.*)$/.exec(line) ?? [];
      if (name === void 0) continue;
      const age = /;\s*max-age=(-?\d+)/i.exec(attributes)?.[1];
      const expires = /;\s*expires=([^;]+)/i.exec(attributes)?.[1];
      const isOver = age !== void 0 ? Number(age) <= 0 : expires !== void 0 && Date.parse(expires) < Date.now();
      if (isOver) cookies.delete(name);
      else if (cookies.has(name) || cookies.size < MOST_COOKIES) cookies.set(name, value.trim());
    }
  }
};

// src/version.ts
var VERSION = "0.1.0";

// src/faye.ts
function makeFaye(client) {
  return {
    VERSION,
    Client: client,
    Scheduler,
    Error: FayeError,
    get logger() {
      return logging.logger;
    },
    set logger(logger) {
      logging.logger = logger;
    }
  };
}

// src/transport/node-http.ts
import * as http from "node:http";
import * as https from "node:https";

// src/transport/request.ts
var LARGEST_BATCH = 100;
var isFree = ({ channel }) => channel === CONNECT || channel === HANDSHAKE;
var RequestTransport = class {
  place;
  /** Characters of JSON that one request may hold, unless a single message is larger. */
  largest = 65536;
  #underWay = /* @__PURE__ */ new Map();
  #isBusy = false;
  constructor(place) {
    this.place = place;
  }
  send(waiting) {
    const batch = this.#batch(waiting);
    if (batch.length === 0) return batch;
    const isLane = !isFree(batch[0]);
    if (isLane) this.#isBusy = true;
    const exchange = this.#begin(batch);
    this.#underWay.set(exchange, { batch, awaited: new Set(batch) });
    exchange.answer.then(
      (answer) => this.#answered(exchange, batch, answer, isLane),
      (error) => this.#failed(exchange, batch, error, isLane)
    );
    return batch;
  }
  /** A request that cannot even be made, because a header has no valid value for example, is one that failed. */
  #begin(messages) {
    try {
      return this.exchange(messages);
    } catch (error) {
      return { answer: Promise.reject(failure(`Request failed: ${error}`)), abort: () => {
      } };
    }
  }
  /**
   * What goes into the next request: a connect or a handshake alone, since Faye answers a request when all of it is
   * done, and a connect that another one replaces never; of the others as many as a request may hold.
   */
  #batch(waiting) {
    const free = waiting.find(isFree);
    if (free) return [free];
    const batch = [];
    let size = 0;
    for (const message of this.#isBusy ? [] : waiting) {
      size += JSON.stringify(message).length;
      if (batch.length > 0 && (size > this.largest || batch.length >= LARGEST_BATCH)) break;
      batch.push(message);
    }
    return batch;
  }
  #answered(exchange, batch, answer, isLane) {
    if (!this.#end(exchange, isLane)) return;
    if (typeof answer === "number") this.place.to.refused(batch, answer);
    else this.place.to.received(answer);
    this.place.to.ready();
  }
  #failed(exchange, batch, error, isLane) {
    if (this.#end(exchange, isLane)) this.place.to.failed(batch, error);
  }
  #end(exchange, isLane) {
    if (isLane) this.#isBusy = false;
    return this.#underWay.delete(exchange);
  }
  /** A response may hold what others wait for: only a request that nobody waits for is ended. */
  cancel(message) {
    for (const [exchange, { batch, awaited }] of this.#underWay) {
      if (!awaited.delete(message) || awaited.size > 0) continue;
      this.#end(exchange, !isFree(batch[0]));
      exchange.abort();
    }
  }
  close() {
    for (const exchange of this.#underWay.keys()) exchange.abort();
    this.#underWay.clear();
    this.#isBusy = false;
  }
};

// src/transport/fetch.ts
function readResponse(status, text) {
  const messages = parseMessages(text);
  if (messages) return messages;
  if (status === 400 || status === 413) return status;
  throw failure(`The server answered ${status}`);
}

// src/transport/node-http.ts
var LARGEST_RESPONSE = 64 * 1024 * 1024;
var HttpTransport = class extends RequestTransport {
  exchange(messages) {
    const { settings } = this.place;
    const endpoint = new URL(this.place.endpoint.href);
    const body = Buffer.from(JSON.stringify(messages));
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": body.length,
      ...settings.headers
    };
    const cookie = settings.cookies?.header(endpoint);
    if (cookie) headers["Cookie"] = cookie;
    const request = (endpoint.protocol === "https:" ? https : http).request(endpoint, {
      ...settings.tls,
      method: "POST",
      headers,
      agent: settings.agent
    });
    const answer = new Promise((resolve, reject) => {
      const fail = (error) => reject(failure(error instanceof Error ? error.message : String(error)));
      request.on("error", fail);
      request.on("response", (response) => {
        settings.cookies?.store(endpoint, response.headers["set-cookie"] ?? []);
        const chunks = [];
        let size = 0;
        response.on("data", (chunk) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > LARGEST_RESPONSE) request.destroy(new Error("The response is too large"));
        });
        response.on("error", fail);
        response.on("end", () => {
          try {
            resolve(readResponse(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
          } catch (error) {
            reject(error);
          }
        });
      });
    });
    request.end(body);
    return { answer, abort: () => request.destroy() };
  }
};
var nodeLongPolling = {
  type: "long-polling",
  isUsable: ({ href }) => /^https?:/.test(href),
  open: (place) => new HttpTransport(place)
};

// src/transport/websocket.ts
var OPEN = 1;
var TOO_LARGE = 1009;
var LARGEST_FRAME = 65536;
var QUESTION = "[]";
var CHECK_MILLISECONDS = 5e3;
function socketUrl(endpoint) {
  return endpoint.href.replace(/^http/i, "ws").replace(/#.*$/, "");
}
var WebSocketTransport = class {
  #place;
  #socket;
  #checking;
  #isOpen = false;
  #isClosed = false;
  /** `create` may throw, as the browser's does when a policy forbids the address. */
  constructor(place, create2) {
    this.#place = place;
    void this.#open(create2);
  }
  async #open(create2) {
    const { to, endpoint, settings } = this.#place;
    let socket;
    try {
      socket = await create2(socketUrl(endpoint), settings);
    } catch (error) {
      await null;
      return this.#closed(failure(`Request failed: ${error}`));
    }
    socket.onerror = () => {
    };
    if (this.#isClosed) return socket.close();
    this.#socket = socket;
    socket.onopen = () => socket.send(QUESTION);
    socket.onmessage = (event) => {
      clearTimeout(this.#checking);
      this.#checking = void 0;
      if (!this.#isOpen) {
        this.#isOpen = true;
        to.opened();
      }
      const messages = parseMessages(event.data);
      if (messages && messages.length > 0) to.received(messages);
    };
    socket.onclose = (event) => this.#closed(event?.code === TOO_LARGE ? new FayeError(413, [], "Message too large") : failure(`WebSocket closed${event?.code ? ` (${event.code})` : ""}`));
  }
  #closed(error) {
    if (this.#isClosed) return;
    this.close();
    this.#place.to.closed(error);
  }
  send(waiting) {
    if (this.#socket?.readyState !== OPEN) return [];
    let frame = [];
    let size = 0;
    const flush = () => {
      if (frame.length > 0) this.#socket.send(`[${frame.join()}]`);
      frame = [];
      size = 0;
    };
    for (const message of waiting) {
      const text = JSON.stringify(message);
      if (message.channel === CONNECT) {
        this.#socket.send(`[${text}]`);
        continue;
      }
      if (size + text.length > LARGEST_FRAME) flush();
      frame.push(text);
      size += text.length;
    }
    flush();
    return waiting;
  }
  /** A socket carries many messages; one of them alone cannot be taken back. */
  cancel() {
  }
  check() {
    if (this.#socket?.readyState !== OPEN || this.#checking) return;
    this.#socket.send(QUESTION);
    this.#checking = later(() => this.#closed(failure("WebSocket silent")), CHECK_MILLISECONDS);
  }
  farewell(message) {
    this.send([message]);
  }
  close() {
    this.#isClosed = true;
    clearTimeout(this.#checking);
    const socket = this.#socket;
    this.#socket = void 0;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
};

// src/transport/node-websocket.ts
var CLOSE_MILLISECONDS = 1e3;
var ws;
function loadWs() {
  ws ??= import("ws").catch(() => void 0);
  return ws;
}
async function create(url, settings) {
  const module = await loadWs();
  const { headers, agent, tls, cookies } = settings;
  const address = new URL(url.replace(/^ws/, "http"));
  const cookie = cookies?.header(address);
  if (module) {
    const socket = new module.WebSocket(url, { ...tls, agent, headers: { ...headers, ...cookie && { Cookie: cookie } } });
    const close = socket.close.bind(socket);
    socket.close = () => {
      close();
      setTimeout(() => socket.terminate(), CLOSE_MILLISECONDS).unref();
    };
    socket.on("upgrade", (response) => cookies?.store(address, response.headers["set-cookie"] ?? []));
    return socket;
  }
  if (typeof WebSocket !== "function") throw new Error("Node has none before version 22: install the package ws");
  if (agent || tls || cookie || Object.keys(headers).length > 0) {
    throw new Error("Node's own takes no agent, certificates, cookies or headers: install the package ws");
  }
  return new WebSocket(url);
}
var nodeWebSocket = {
  type: "websocket",
  isSocket: true,
  isBlockable: true,
  isUsable: ({ href }) => /^(http|ws)s?:/.test(href),
  open: (place) => new WebSocketTransport(place, create)
};

// src/node.ts
var node = {
  resolve: (endpoint) => {
    if (/^(http|ws)s?:\/\/./i.test(endpoint)) return new URL(endpoint);
    throw new TypeError(`The endpoint must be an absolute URL such as http://localhost:8000/faye, not ${endpoint}`);
  },
  kinds: () => [nodeWebSocket, nodeLongPolling],
  settings: ({ agent, tls, ca }) => ({
    headers: {},
    agent,
    tls: ca === void 0 ? tls : { ca, ...tls },
    cookies: new Cookies()
  }),
  watch: () => () => {
  }
};
var Client = class extends BaseClient {
  /**
   * Creates a client.
   *
   * @param endpoint an absolute URL, such as `http://localhost:8000/faye`; any other throws a `TypeError`.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  constructor(endpoint, options) {
    if (options && "proxy" in options) throw failure("Unrecognized option: proxy. Pass an agent that uses the proxy");
    for (const name of ["shared", "remember"]) {
      if (options && name in options && options[name]) throw failure(`The option ${name} works in browsers only`);
    }
    for (const each of [endpoint, ...Object.values(options?.endpoints ?? {})]) node.resolve(String(each));
    super(endpoint, options, node);
  }
};
var Faye = makeFaye(Client);
var node_default = Faye;
export {
  Client,
  FayeError,
  Publication,
  Scheduler,
  Subscription,
  VERSION,
  node_default as default
};
//# sourceMappingURL=node.js.map
