"use strict";
var __defProp = Object.defineProperty;
var __getOwnPropDesc = Object.getOwnPropertyDescriptor;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __hasOwnProp = Object.prototype.hasOwnProperty;
var __typeError = (msg) => {
  throw TypeError(msg);
};
var __defNormalProp = (obj, key, value) => key in obj ? __defProp(obj, key, { enumerable: true, configurable: true, writable: true, value }) : obj[key] = value;
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};
var __copyProps = (to, from, except, desc) => {
  if (from && typeof from === "object" || typeof from === "function") {
    for (let key of __getOwnPropNames(from))
      if (!__hasOwnProp.call(to, key) && key !== except)
        __defProp(to, key, { get: () => from[key], enumerable: !(desc = __getOwnPropDesc(from, key)) || desc.enumerable });
  }
  return to;
};
var __toCommonJS = (mod) => __copyProps(__defProp({}, "__esModule", { value: true }), mod);
var __publicField = (obj, key, value) => __defNormalProp(obj, typeof key !== "symbol" ? key + "" : key, value);
var __accessCheck = (obj, member, msg) => member.has(obj) || __typeError("Cannot " + msg);
var __privateGet = (obj, member, getter) => (__accessCheck(obj, member, "read from private field"), getter ? getter.call(obj) : member.get(obj));
var __privateAdd = (obj, member, value) => member.has(obj) ? __typeError("Cannot add the same private member more than once") : member instanceof WeakSet ? member.add(obj) : member.set(obj, value);
var __privateSet = (obj, member, value, setter) => (__accessCheck(obj, member, "write to private field"), setter ? setter.call(obj, value) : member.set(obj, value), value);
var __privateMethod = (obj, member, method) => (__accessCheck(obj, member, "access private method"), method);
var __privateWrapper = (obj, member, setter, getter) => ({
  set _(value) {
    __privateSet(obj, member, value, setter);
  },
  get _() {
    return __privateGet(obj, member, getter);
  }
});

// src/browser.ts
var browser_exports = {};
__export(browser_exports, {
  Client: () => Client,
  FayeError: () => FayeError,
  Publication: () => Publication,
  Scheduler: () => Scheduler,
  Subscription: () => Subscription,
  VERSION: () => VERSION,
  default: () => browser_default
});
module.exports = __toCommonJS(browser_exports);

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
  /** Creates an error from the parts of its text form. */
  constructor(code, params, message) {
    super(message);
    __publicField(this, "name", "FayeError");
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
var _settle, _timer, _Deferrable_instances, end_fn;
var Deferrable = class extends Promise {
  /** Creates a pending promise. */
  constructor() {
    let settle;
    super((resolve, reject) => {
      settle = { resolve, reject };
    });
    __privateAdd(this, _Deferrable_instances);
    __privateAdd(this, _settle);
    __privateAdd(this, _timer);
    /** Whether the promise is resolved or rejected. */
    __publicField(this, "isSettled", false);
    __privateSet(this, _settle, settle);
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
    clearTimeout(__privateGet(this, _timer));
    __privateSet(this, _timer, later(
      () => this.spoil(reason != null ? reason : failure(`Not settled within ${seconds} s`)),
      seconds * 1e3
    ));
  }
  /** Settles the promise. Only the first call has an effect. */
  setDeferredStatus(status, value) {
    if (status === "succeeded") this.succeed(value);
    else if (status === "failed") this.spoil(value);
  }
  /** Resolves the promise. Used by the client. */
  succeed(value) {
    __privateMethod(this, _Deferrable_instances, end_fn).call(this);
    __privateGet(this, _settle).resolve(value);
  }
  /** Rejects the promise. Used by the client. */
  spoil(error) {
    __privateMethod(this, _Deferrable_instances, end_fn).call(this);
    __privateGet(this, _settle).reject(error);
  }
};
_settle = new WeakMap();
_timer = new WeakMap();
_Deferrable_instances = new WeakSet();
end_fn = function() {
  this.isSettled = true;
  clearTimeout(__privateGet(this, _timer));
};

// src/logger.ts
var logging = { logger: void 0 };
function write(logger, level, line, values) {
  const full = `[Faye.Client] ${line.replace(/\?/g, () => JSON.stringify(values.shift()))}`;
  attempt(() => {
    var _a;
    if (typeof logger === "function") logger(full);
    else (_a = logger[level]) == null ? void 0 : _a.call(logger, full);
  });
}
function log(level, line, ...values) {
  if (logging.logger) write(logging.logger, level, line, values);
}
function checkName(what, name, known) {
  var _a;
  if (!known.split(" ").includes(name)) write((_a = logging.logger) != null ? _a : console, "warn", `Unknown ${what} ?, not ?`, [name, known]);
}

// src/emitter.ts
var _entries, _names, _Emitter_instances, add_fn, remove_fn;
var Emitter = class {
  /** `names` lists the events, separated by spaces. A listener for another name causes a warning. */
  constructor(names) {
    __privateAdd(this, _Emitter_instances);
    __privateAdd(this, _entries, /* @__PURE__ */ new Map());
    __privateAdd(this, _names);
    __privateSet(this, _names, names);
  }
  /** Adds a listener. An unknown event causes a warning. */
  on(event, listener) {
    return __privateMethod(this, _Emitter_instances, add_fn).call(this, event, listener, this, false);
  }
  /** Adds a listener, like `on`. */
  addListener(event, listener) {
    return this.on(event, listener);
  }
  /** Adds a listener that is called at most once. */
  once(event, listener) {
    return __privateMethod(this, _Emitter_instances, add_fn).call(this, event, listener, this, true);
  }
  /** Removes a listener; the one added last if it was added several times. */
  off(event, listener) {
    var _a;
    const last = [...(_a = __privateGet(this, _entries).get(event)) != null ? _a : []].reverse().find((entry) => entry.listener === listener);
    return __privateMethod(this, _Emitter_instances, remove_fn).call(this, event, (entry) => entry === last);
  }
  /** Removes a listener, like `off`. */
  removeListener(event, listener) {
    return this.off(event, listener);
  }
  /** Removes all listeners of an event, or of every event if none is given. */
  removeAllListeners(event) {
    if (event === void 0) __privateGet(this, _entries).clear();
    else __privateGet(this, _entries).delete(event);
    return this;
  }
  /** Returns the listeners of an event. */
  listeners(event) {
    var _a;
    return ((_a = __privateGet(this, _entries).get(event)) != null ? _a : []).map(({ listener }) => listener);
  }
  /** Returns the number of listeners of an event. */
  countListeners(event) {
    return this.listeners(event).length;
  }
  /** Adds a listener that is called with `context` as `this`, as in Faye. */
  bind(event, listener, context) {
    return __privateMethod(this, _Emitter_instances, add_fn).call(this, event, listener, context, false);
  }
  /** Removes a listener that `bind` added, or all listeners of the event if none is given. */
  unbind(event, listener, context) {
    return __privateMethod(this, _Emitter_instances, remove_fn).call(this, event, (entry) => listener === void 0 || entry.listener === listener && [context, context != null ? context : this].includes(entry.context));
  }
  /** Calls the listeners of an event and returns whether it has any. A listener that throws does not stop the others. */
  emit(event, ...values) {
    var _a;
    const entries = (_a = __privateGet(this, _entries).get(event)) != null ? _a : [];
    for (const entry of entries) {
      if (entry.once) __privateMethod(this, _Emitter_instances, remove_fn).call(this, event, (other) => other === entry);
      attempt(() => entry.listener.apply(entry.context, values));
    }
    return entries.length > 0;
  }
  /** Calls the listeners of an event, like `emit`. */
  trigger(event, ...values) {
    return this.emit(event, ...values);
  }
};
_entries = new WeakMap();
_names = new WeakMap();
_Emitter_instances = new WeakSet();
add_fn = function(event, listener, context, once) {
  var _a;
  checkName("event", event, __privateGet(this, _names));
  const entries = (_a = __privateGet(this, _entries).get(event)) != null ? _a : [];
  __privateGet(this, _entries).set(event, [...entries, { listener, context, once }]);
  return this;
};
remove_fn = function(event, matches) {
  var _a;
  const entries = ((_a = __privateGet(this, _entries).get(event)) != null ? _a : []).filter((entry) => !matches(entry));
  if (entries.length > 0) __privateGet(this, _entries).set(event, entries);
  else __privateGet(this, _entries).delete(event);
  return this;
};

// src/awaitable.ts
var _connected;
var Awaitable = class extends Emitter {
  constructor() {
    super(...arguments);
    __privateAdd(this, _connected, new Deferrable());
  }
  /** Starts a new wait: an earlier result does not apply to a new connection. */
  awaitConnection() {
    if (__privateGet(this, _connected).isSettled) __privateSet(this, _connected, new Deferrable());
  }
  /** Calls `callback` once the client has a session; immediately if it has one. */
  callback(callback, context) {
    __privateGet(this, _connected).callback(callback, context);
  }
  /**
   * Calls `callback` with a `FayeError` when the client abandons the connection: the server refused it for good, no transport
   * can be used, or the client was disconnected.
   */
  errback(callback, context) {
    __privateGet(this, _connected).errback(callback, context);
  }
  /**
   * Calls the callbacks of `errback` with `reason`, unless the client has a session within that many seconds.
   */
  timeout(seconds, reason) {
    __privateGet(this, _connected).timeout(seconds, reason);
  }
  /** Settles the wait for the connection, as in Faye. Applications do not need it. */
  setDeferredStatus(status, value) {
    __privateGet(this, _connected).setDeferredStatus(status, value);
  }
};
_connected = new WeakMap();

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
var _list;
var Extensions = class {
  constructor() {
    __privateAdd(this, _list, []);
  }
  /** Appends an extension. */
  add(extension, client) {
    var _a;
    __privateGet(this, _list).push(extension);
    (_a = extension.added) == null ? void 0 : _a.call(extension, client);
  }
  /** Removes one. */
  remove(extension, client) {
    var _a;
    const index = __privateGet(this, _list).indexOf(extension);
    if (index < 0) return;
    __privateGet(this, _list).splice(index, 1);
    (_a = extension.removed) == null ? void 0 : _a.call(extension, client);
  }
  /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
  pipe(stage, message, done) {
    const extensions = __privateGet(this, _list).filter((extension) => extension[stage]);
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
_list = new WeakMap();

// src/channel.ts
var HANDSHAKE = "/meta/handshake";
var CONNECT = "/meta/connect";
var SUBSCRIBE = "/meta/subscribe";
var UNSUBSCRIBE = "/meta/unsubscribe";
var DISCONNECT = "/meta/disconnect";
var isMeta = ({ channel }) => channel == null ? void 0 : channel.startsWith("/meta/");
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
var _batch;
var Ack = class {
  constructor() {
    /** The last batch that arrived; undefined where the server does not acknowledge. */
    __privateAdd(this, _batch);
  }
  outgoing(message) {
    if (message.channel === HANDSHAKE) addExt(message, "ack", true);
    else if (message.channel === CONNECT && __privateGet(this, _batch) !== void 0) addExt(message, "ack", __privateGet(this, _batch));
  }
  incoming({ channel, successful, ext }) {
    var _a;
    if (!successful) return;
    const ack = ext == null ? void 0 : ext["ack"];
    if (channel === HANDSHAKE) {
      __privateSet(this, _batch, void 0);
      if (ack === true) __privateSet(this, _batch, 0);
      else if (typeof ack === "object" && (ack == null ? void 0 : ack.enabled)) __privateSet(this, _batch, (_a = ack.batch) != null ? _a : 0);
    } else if (channel === CONNECT && __privateGet(this, _batch) !== void 0 && typeof ack === "number") {
      __privateSet(this, _batch, ack);
    }
  }
};
_batch = new WeakMap();

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
  var _a, _b, _c, _d, _e;
  const id = (_e = (_b = (_a = message.ext) == null ? void 0 : _a["replay"]) == null ? void 0 : _b.id) != null ? _e : (_d = (_c = message.data) == null ? void 0 : _c.event) == null ? void 0 : _d.replayId;
  return typeof id === "number" ? id : void 0;
}
var _source, _seen, _cursors, _starts, _agreed, _isOffered, _gap, _key, _Replay_instances, forget_fn, under_fn;
var Replay = class {
  /** `gap` is called when messages are lost because the server does not keep them so long. `key`: where to remember. */
  constructor(source, gap, key) {
    __privateAdd(this, _Replay_instances);
    __privateAdd(this, _source);
    /**
     * The positions that were received last in each channel, ascending. Nothing up to the first one is missing; between them
     * messages may still come, since those of two connections overtake each other when the client changes its transport.
     */
    __privateAdd(this, _seen, /* @__PURE__ */ new Map());
    __privateAdd(this, _cursors, /* @__PURE__ */ new Map());
    /** Where subscriptions begin that are new. */
    __privateAdd(this, _starts, /* @__PURE__ */ new Map());
    /** The subscriptions of the session, for which its cursors hold. */
    __privateAdd(this, _agreed, /* @__PURE__ */ new Set());
    __privateAdd(this, _isOffered, false);
    __privateAdd(this, _gap);
    __privateAdd(this, _key);
    __privateSet(this, _source, source);
    __privateSet(this, _gap, gap);
    __privateSet(this, _key, key);
    const [positions, cursors] = key ? recall(key) : [];
    positions == null ? void 0 : positions.forEach((position, name) => __privateGet(this, _seen).set(name, [position]));
    if (cursors) __privateSet(this, _cursors, cursors);
  }
  /** Remembers where to go on after a reload. */
  save() {
    if (__privateGet(this, _key)) remember(__privateGet(this, _key), [new Map(__privateMethod(this, _Replay_instances, under_fn).call(this, "/**")), __privateGet(this, _cursors)]);
  }
  /** Sets where a subscription begins, unless it goes on where an earlier one ended. */
  start(channel, position) {
    const known = __privateGet(this, _cursors).size > 0 ? __privateGet(this, _cursors) : __privateGet(this, _seen);
    if (position !== void 0 && !known.has(channel)) __privateGet(this, _starts).set(channel, position);
  }
  /** Says where to go on. */
  outgoing(message) {
    var _a;
    if (message.channel === HANDSHAKE) addExt(message, "replay", true);
    const channel = String(message.subscription);
    if (message.channel === UNSUBSCRIBE) {
      for (const each2 of [__privateGet(this, _starts), __privateGet(this, _agreed), __privateGet(this, _cursors)]) each2.delete(channel);
      __privateMethod(this, _Replay_instances, forget_fn).call(this, channel);
    }
    if (message.channel !== SUBSCRIBE || !__privateGet(this, _isOffered)) return;
    const source = __privateGet(this, _source);
    const start = __privateGet(this, _starts).get(channel);
    const first = (_a = start != null ? start : __privateGet(this, _cursors).get(channel)) != null ? _a : source[channel];
    const seen = start === void 0 ? __privateMethod(this, _Replay_instances, under_fn).call(this, channel) : [];
    if (source === true && first === void 0 && seen.length === 0) return;
    const fallback = typeof source === "number" ? source : FROM_NOW;
    addExt(message, "replay", { [channel]: first != null ? first : fallback, ...Object.fromEntries(seen) });
  }
  /** Remembers the position. Returns false for a message that has arrived before. */
  incoming(message) {
    var _a, _b;
    const { channel, subscription, successful, ext } = message;
    if (channel === HANDSHAKE) {
      __privateGet(this, _agreed).clear();
      if (successful) __privateSet(this, _isOffered, (ext == null ? void 0 : ext["replay"]) === true);
      return;
    }
    if (!__privateGet(this, _isOffered)) return;
    const told = ext == null ? void 0 : ext["replay"];
    if (channel === CONNECT && (told == null ? void 0 : told.cursor)) {
      for (const name of __privateGet(this, _agreed)) __privateGet(this, _cursors).set(name, told.cursor);
      this.save();
    }
    if (channel === SUBSCRIBE) {
      const name = String(subscription);
      const { cursor, recovered } = (_a = told == null ? void 0 : told[name]) != null ? _a : {};
      const notice = ext == null ? void 0 : ext["faye:gap"];
      const isLost = recovered === false;
      const isNew = successful && !notice && __privateGet(this, _starts).delete(name);
      if (isLost || isNew || (notice == null ? void 0 : notice.reason) === "cluster") __privateMethod(this, _Replay_instances, forget_fn).call(this, name);
      if (!successful) __privateGet(this, _agreed).delete(name);
      if (cursor) {
        __privateGet(this, _agreed).add(name);
        __privateGet(this, _cursors).set(name, cursor);
      }
      if (isLost || notice) __privateGet(this, _gap).call(this, name, failure("Messages are missing"));
    }
    const position = successful === void 0 ? positionOf(message) : void 0;
    if (position === void 0) return;
    const seen = (_b = __privateGet(this, _seen).get(channel)) != null ? _b : [0];
    if (position === (told == null ? void 0 : told.id) && (position <= seen[0] || seen.includes(position))) return false;
    __privateGet(this, _seen).delete(channel);
    __privateGet(this, _seen).set(channel, [...seen, position].sort((one, other) => one - other).slice(-MOST_POSITIONS));
    if (__privateGet(this, _seen).size > MOST_CHANNELS) __privateGet(this, _seen).delete(__privateGet(this, _seen).keys().next().value);
  }
  /** Whether to begin with what the server still has. */
  retries(message, error) {
    if (message.channel !== SUBSCRIBE || error.code !== 400 || !__privateGet(this, _isOffered)) return false;
    const channel = String(message.subscription);
    const isKnown = __privateGet(this, _cursors).delete(channel);
    if (!__privateMethod(this, _Replay_instances, forget_fn).call(this, channel) && !isKnown) return false;
    __privateGet(this, _gap).call(this, channel, error);
    return true;
  }
};
_source = new WeakMap();
_seen = new WeakMap();
_cursors = new WeakMap();
_starts = new WeakMap();
_agreed = new WeakMap();
_isOffered = new WeakMap();
_gap = new WeakMap();
_key = new WeakMap();
_Replay_instances = new WeakSet();
/** Forgets the positions of a subscription. Returns whether there were any. */
forget_fn = function(subscription) {
  return __privateMethod(this, _Replay_instances, under_fn).call(this, subscription).filter(([name]) => __privateGet(this, _seen).delete(name)).length > 0;
};
/** The last positions of the channels of a subscription. */
under_fn = function(subscription) {
  return [...__privateGet(this, _seen)].filter(([name]) => patternsOf(name).includes(subscription)).map(([name, seen]) => [name, seen[seen.length - 1]]);
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
var _source2, _token, _asking, _wasRenewed, _isForPublications, _Token_instances, isExpired_fn;
var Token = class {
  /** A token from its source. */
  constructor(source) {
    __privateAdd(this, _Token_instances);
    __privateAdd(this, _source2);
    __privateAdd(this, _token);
    __privateAdd(this, _asking);
    /** Whether the source was asked because of a refusal, and nothing was accepted since. */
    __privateAdd(this, _wasRenewed, false);
    /** Whether the server has refused a publication of the session because it carried no token. */
    __privateAdd(this, _isForPublications, false);
    __privateSet(this, _source2, source);
    if (typeof source === "string") __privateSet(this, _token, source);
    else if (typeof source !== "function") throw failure("Not a function: token");
  }
  /** Asks for a token if there is none that is valid. */
  prepare() {
    var _a;
    const source = __privateGet(this, _source2);
    if (typeof source === "string" || __privateGet(this, _token) !== void 0 && !__privateMethod(this, _Token_instances, isExpired_fn).call(this)) return void 0;
    (_a = __privateGet(this, _asking)) != null ? _a : __privateSet(this, _asking, Promise.resolve().then(source).then((token) => {
      __privateSet(this, _token, token);
    }).finally(() => {
      __privateSet(this, _asking, void 0);
    }));
    return __privateGet(this, _asking);
  }
  /** Adds it to messages to the server itself. */
  outgoing(message) {
    const isForIt = __privateGet(this, _isForPublications) || isMeta(message);
    if (isForIt && __privateGet(this, _token) !== void 0) addExt(message, "token", __privateGet(this, _token));
  }
  /** Notes that it was accepted. */
  incoming({ channel, successful }) {
    if (successful && (channel === HANDSHAKE || channel === SUBSCRIBE)) __privateSet(this, _wasRenewed, false);
  }
  /** Whether to ask for another token, or to send it with publications too. */
  retries(message, { code, message: reason }) {
    var _a;
    const { ext } = message;
    if (!isMeta(message)) {
      const isAskedFor = reason === "Token required";
      __privateGet(this, _isForPublications) || __privateSet(this, _isForPublications, isAskedFor);
      return isAskedFor && !(ext == null ? void 0 : ext["token"]);
    }
    if (typeof __privateGet(this, _source2) === "string" || code !== 401 && code !== 403) return false;
    const used = (_a = ext == null ? void 0 : ext["token"]) != null ? _a : __privateGet(this, _token);
    if (__privateGet(this, _asking) || used !== __privateGet(this, _token)) return true;
    if (__privateGet(this, _wasRenewed)) return false;
    __privateSet(this, _wasRenewed, true);
    __privateSet(this, _token, void 0);
    return true;
  }
};
_source2 = new WeakMap();
_token = new WeakMap();
_asking = new WeakMap();
_wasRenewed = new WeakMap();
_isForPublications = new WeakMap();
_Token_instances = new WeakSet();
isExpired_fn = function() {
  const expiry = expiryOf(__privateGet(this, _token));
  return expiry !== void 0 && Date.now() / 1e3 > expiry - MARGIN_SECONDS;
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
  var _a;
  for (const feature of features) (_a = feature.save) == null ? void 0 : _a.call(feature);
}

// src/leave.ts
function leave(session, farewell) {
  const { dispatcher: { selector }, phase, pipeline } = session;
  if (phase !== "connected" || selector.isDisabled("autodisconnect")) return;
  const { clientId, current } = selector;
  pipeline.pass("outgoing", { channel: DISCONNECT, clientId, id: "bye" }, (message) => {
    var _a;
    if (message && ((_a = current == null ? void 0 : current.transport) == null ? void 0 : _a.farewell)) current.transport.farewell(message);
    else if (message) farewell == null ? void 0 : farewell(message);
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
  const entries = Object.entries(endpoints != null ? endpoints : {});
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
var _extensions, _features, _count;
var Pipeline = class {
  constructor(extensions, features) {
    __privateAdd(this, _extensions);
    __privateAdd(this, _features);
    __privateAdd(this, _count, 0);
    __privateSet(this, _extensions, extensions);
    __privateSet(this, _features, features);
  }
  /**
   * Sends a message, if it is still wanted when all who have a say have had it. `settle` is called with its reply, or
   * with what went wrong. Gives the id.
   */
  send(message, { isWanted, ...limits }, dispatcher, settle) {
    __privateSet(this, _count, (__privateGet(this, _count) + 1) % 2 ** 32);
    const id = __privateGet(this, _count).toString(36);
    message.id = id;
    const drop = (reason) => settle(void 0, failure(reason));
    const send = () => {
      if (!isWanted()) return drop(UNWANTED);
      this.pass("outgoing", message, (passed) => {
        var _a;
        if (!isWanted()) return drop(UNWANTED);
        if (!passed) return drop("An extension dropped the message");
        for (const feature of __privateGet(this, _features)) (_a = feature.outgoing) == null ? void 0 : _a.call(feature, passed);
        passed.id = id;
        const copy = copyOf(passed, drop);
        if (copy) dispatcher.send(copy, limits, settle);
      });
    };
    const { channel } = message;
    const preparing = channel === HANDSHAKE || channel === SUBSCRIBE ? __privateGet(this, _features).map((feature) => {
      var _a;
      return (_a = feature.prepare) == null ? void 0 : _a.call(feature);
    }).filter(Boolean) : [];
    if (preparing.length === 0) send();
    else Promise.all(preparing).then(send, (error) => drop(`No token: ${error}`));
    return id;
  }
  /** Leads a message from the server to `done`, which is given null when a feature or an extension dropped it. */
  receive(message, done) {
    if (__privateGet(this, _features).map((feature) => {
      var _a;
      return (_a = feature.incoming) == null ? void 0 : _a.call(feature, message);
    }).includes(false)) return done(null);
    this.pass("incoming", message, done);
  }
  pass(stage, message, done) {
    __privateGet(this, _extensions).pipe(stage, message, done);
  }
  /** Whether a refused message may be sent once more, because something that it needs will be renewed. */
  mayRetry(message, error) {
    return __privateGet(this, _features).some((feature) => {
      var _a;
      return (_a = feature.retries) == null ? void 0 : _a.call(feature, message, error);
    });
  }
};
_extensions = new WeakMap();
_features = new WeakMap();
_count = new WeakMap();

// src/publication.ts
var Publication = class extends Deferrable {
};

// src/publish.ts
function publish(session, content, options) {
  const publication = new Publication();
  const fail = (error) => publication.spoil(error);
  const copy = copyOf(content, (reason) => fail(failure(reason)));
  if ((copy == null ? void 0 : copy.data) === void 0) {
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
var _options;
var Advised = class {
  constructor(options) {
    __privateAdd(this, _options);
    __privateSet(this, _options, options);
    this.interval = 1e3 * options.interval;
    this.timeout = 1e3 * options.timeout;
  }
  /** The next session may be over another transport, for which the server advises otherwise. */
  forget() {
    this.interval = 1e3 * __privateGet(this, _options).interval;
  }
  heed({ advice }) {
    for (const field of ["interval", "timeout"]) {
      const value = advice == null ? void 0 : advice[field];
      if (typeof value === "number" && value >= 0) this[field] = value;
    }
  }
  /** Seconds that a reply may take: as long as the server holds a connect, and a little more. */
  replyTime() {
    return 1.2 * this.timeout / 1e3 || Math.max(1.2 * __privateGet(this, _options).retry, REPLY_SECONDS);
  }
};
_options = new WeakMap();
function fateOf(reply, clientId) {
  var _a, _b;
  const reconnect = (_a = reply.advice) == null ? void 0 : _a.reconnect;
  if (reconnect === "none") return "over";
  const { message, params } = parseError(reply.error);
  if (reconnect !== "handshake" && (reply.successful || !/unknown client/i.test(message))) return void 0;
  const named = (_b = reply.clientId) != null ? _b : params.find(Boolean);
  return named === void 0 || named === clientId ? "lost" : void 0;
}

// src/backoff.ts
var FIRST_SECONDS = 1;
function delayAfter(failures, retry, limit, random = Math.random) {
  if (failures < 2) return 1e3 * Math.min(FIRST_SECONDS, retry) * random();
  const longest = Math.min(retry * 2 ** (failures - 2), Math.max(limit, retry));
  return 1e3 * longest * (0.5 + random() / 2);
}
var _count2, _options2, _free;
var Backoff = class {
  /** `free` is how many failures cost nothing. */
  constructor(options, free) {
    __privateAdd(this, _count2, 0);
    __privateAdd(this, _options2);
    __privateAdd(this, _free);
    __privateSet(this, _options2, options);
    __privateSet(this, _free, free);
  }
  /** One more failure: the milliseconds to wait. */
  next() {
    __privateSet(this, _count2, __privateGet(this, _count2) + 1);
    const counted = __privateGet(this, _count2) - __privateGet(this, _free);
    return counted > 0 ? delayAfter(counted + 1, __privateGet(this, _options2).retry, __privateGet(this, _options2).maxRetry) : 0;
  }
  reset() {
    __privateSet(this, _count2, 0);
  }
};
_count2 = new WeakMap();
_options2 = new WeakMap();
_free = new WeakMap();

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
var _dispatcher, _transmit, _options3, _advised, _underWay, _isFirst, _quick, _refusals, _timer2, _Connects_instances, delay_fn;
var Connects = class {
  constructor(dispatcher, options, advised, transmit) {
    __privateAdd(this, _Connects_instances);
    /** Whether a message came since the connect was sent. */
    __publicField(this, "hasHeard", false);
    /** Whether the server is being told that we go: it would not know who connects then. */
    __publicField(this, "isOver", false);
    __privateAdd(this, _dispatcher);
    __privateAdd(this, _transmit);
    __privateAdd(this, _options3);
    __privateAdd(this, _advised);
    __privateAdd(this, _underWay);
    __privateAdd(this, _isFirst, true);
    __privateAdd(this, _quick, 0);
    __privateAdd(this, _refusals, 0);
    __privateAdd(this, _timer2);
    __privateSet(this, _dispatcher, dispatcher);
    __privateSet(this, _options3, options);
    __privateSet(this, _advised, advised);
    __privateSet(this, _transmit, transmit);
  }
  /** Connects, unless a connect waits or is under way over the transport in use. */
  cycle() {
    const { current, clientId } = __privateGet(this, _dispatcher).selector;
    if (!clientId || !current || this.isOver) return;
    if (__privateGet(this, _underWay)) {
      const carrier = __privateGet(this, _dispatcher).outbox.carrier(__privateGet(this, _underWay).id);
      if (!carrier || carrier === current.transport) return;
    }
    clearTimeout(__privateGet(this, _timer2));
    const message = { channel: CONNECT, clientId, connectionType: current.kind.type };
    if (__privateGet(this, _isFirst) && !current.kind.isSocket) message.advice = { timeout: 0 };
    const underWay = { id: "" };
    const sentAt = Date.now();
    __privateSet(this, _underWay, underWay);
    this.hasHeard = false;
    underWay.id = __privateGet(this, _transmit).call(this, message, (reply) => {
      if (__privateGet(this, _underWay) !== underWay) return;
      __privateSet(this, _underWay, void 0);
      __privateSet(this, _isFirst, false);
      __privateGet(this, _dispatcher).outbox.retire(isConnect);
      const delay = __privateMethod(this, _Connects_instances, delay_fn).call(this, reply, sentAt);
      if (delay > 0) __privateSet(this, _timer2, later(() => this.cycle(), delay));
      else this.cycle();
    });
  }
  /** The session is over. */
  stop() {
    __privateSet(this, _isFirst, true);
    this.isOver = false;
    clearTimeout(__privateGet(this, _timer2));
    __privateSet(this, _underWay, void 0);
  }
};
_dispatcher = new WeakMap();
_transmit = new WeakMap();
_options3 = new WeakMap();
_advised = new WeakMap();
_underWay = new WeakMap();
_isFirst = new WeakMap();
_quick = new WeakMap();
_refusals = new WeakMap();
_timer2 = new WeakMap();
_Connects_instances = new WeakSet();
delay_fn = function(reply, sentAt) {
  const { interval, timeout } = __privateGet(this, _advised);
  const elapsed = Date.now() - sentAt;
  const { retry } = __privateGet(this, _options3);
  if (!(reply == null ? void 0 : reply.successful)) return Math.max(delayAfter(++__privateWrapper(this, _refusals)._, retry, retry), interval);
  __privateSet(this, _refusals, 0);
  const isQuick = !this.hasHeard && elapsed < QUICK_MILLISECONDS;
  __privateSet(this, _quick, isQuick ? __privateGet(this, _quick) + 1 : 0);
  const excess = __privateGet(this, _quick) - QUICK_IN_A_ROW;
  const brake = excess > 0 ? Math.min(100 * 2 ** excess, LONGEST_BRAKE) : 0;
  return Math.max(timeout ? interval : interval - elapsed, brake);
};

// src/early.ts
var PATIENCE = 1e3;
var _messages, _timer3, _give, _giveUp;
var Early = class {
  /** `giveUp` is called when the others did not come in time. */
  constructor(give, giveUp) {
    __privateAdd(this, _messages, []);
    __privateAdd(this, _timer3);
    __privateAdd(this, _give);
    __privateAdd(this, _giveUp);
    __privateSet(this, _give, give);
    __privateSet(this, _giveUp, giveUp);
  }
  keep(message) {
    var _a;
    __privateGet(this, _messages).push(message);
    (_a = __privateGet(this, _timer3)) != null ? _a : __privateSet(this, _timer3, later(() => {
      __privateGet(this, _giveUp).call(this);
      this.release();
    }, PATIENCE));
  }
  release() {
    clearTimeout(__privateGet(this, _timer3));
    __privateSet(this, _timer3, void 0);
    for (const message of __privateGet(this, _messages).splice(0)) __privateGet(this, _give).call(this, message);
  }
};
_messages = new WeakMap();
_timer3 = new WeakMap();
_give = new WeakMap();
_giveUp = new WeakMap();

// src/outbox.ts
var MOST_SESSIONS = 3;
var MOST = 200;
var _envelopes;
var Outbox = class {
  constructor() {
    __privateAdd(this, _envelopes, /* @__PURE__ */ new Map());
  }
  add(envelope) {
    __privateGet(this, _envelopes).set(envelope.message.id, envelope);
  }
  get(id) {
    return id === void 0 ? void 0 : __privateGet(this, _envelopes).get(id);
  }
  /** Whether there is no publication. */
  get isEmpty() {
    return this.all().every(({ message }) => isMeta(message));
  }
  all() {
    return [...__privateGet(this, _envelopes).values()];
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
    var _a;
    return (_a = this.get(id)) == null ? void 0 : _a.transport;
  }
  /** A publication whose session the server has forgotten goes on in the next one, at its place. Gives whether it does. */
  goesOn(envelope, reply) {
    const { message, clientId, sessions } = envelope;
    if (isMeta(message) || sessions >= MOST_SESSIONS) return false;
    if (fateOf(reply, clientId != null ? clientId : "") !== "lost") return false;
    this.wait(envelope);
    return true;
  }
  /** What waits and may be sent over a transport now. What may be sent no more is given up. */
  sendable(transport, clientId) {
    const isMoving = this.isElsewhere(transport, (message) => !isConnect(message));
    const isOlder = this.older(clientId).length > 0;
    const waiting = [];
    for (const envelope of __privateGet(this, _envelopes).values()) {
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
    __privateGet(this, _envelopes).delete(envelope.message.id);
    return envelope.settle;
  }
  /** Takes a message out that has no reply. */
  fail(envelope, error) {
    this.end(envelope)(void 0, error);
  }
  /** Takes a message out, whose reply nobody waits for any more. */
  drop(envelope) {
    var _a;
    (_a = envelope.transport) == null ? void 0 : _a.cancel(envelope.message);
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
_envelopes = new WeakMap();

// src/schedule.ts
var _scheduler, _options4;
var Schedule = class {
  constructor(Given, message, options) {
    __privateAdd(this, _scheduler);
    __privateAdd(this, _options4);
    __privateSet(this, _options4, options);
    __privateSet(this, _scheduler, attempt(() => new Given(message, options), new Scheduler(message, options)));
  }
  /** Milliseconds until a reply is missed. */
  get timeout() {
    return 1e3 * (attempt(() => __privateGet(this, _scheduler).getTimeout(), 0) || __privateGet(this, _options4).timeout);
  }
  /** Milliseconds until the message is sent again, if the application decides that. */
  get interval() {
    if (__privateGet(this, _scheduler).getInterval === Scheduler.prototype.getInterval) return void 0;
    const seconds = attempt(() => __privateGet(this, _scheduler).getInterval(), NaN);
    return seconds >= 0 ? 1e3 * seconds : void 0;
  }
  get isDeliverable() {
    return attempt(() => __privateGet(this, _scheduler).isDeliverable(), false);
  }
  tell(what) {
    attempt(() => __privateGet(this, _scheduler)[what]());
  }
};
_scheduler = new WeakMap();
_options4 = new WeakMap();

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
var _disabled, _settings, _listener, _offered, _heardAt, _timer4, _Selector_instances, isPossible_fn, open_fn, closeLesser_fn, drop_fn, close_fn;
var Selector = class {
  constructor({ kinds, endpointFor, settings }, listener) {
    __privateAdd(this, _Selector_instances);
    __privateAdd(this, _disabled, /* @__PURE__ */ new Set());
    __privateAdd(this, _settings);
    __privateAdd(this, _listener);
    /** The types that the server offers; undefined before the handshake. */
    __privateAdd(this, _offered);
    __privateAdd(this, _heardAt, 0);
    __privateAdd(this, _timer4);
    __privateSet(this, _settings, settings);
    __privateSet(this, _listener, listener);
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
    var _a;
    __privateGet(this, _disabled).add(type);
    const wasCurrent = ((_a = this.current) == null ? void 0 : _a.kind.type) === type;
    for (const candidate of this.candidates) if (candidate.kind.type === type) __privateMethod(this, _Selector_instances, close_fn).call(this, candidate);
    if (wasCurrent) this.select();
  }
  isDisabled(feature) {
    return __privateGet(this, _disabled).has(feature);
  }
  /** The types that this client can use with its endpoints. */
  types() {
    const possible = this.candidates.filter((candidate) => __privateMethod(this, _Selector_instances, isPossible_fn).call(this, candidate) && !candidate.kind.ownsSession);
    return possible.map(({ kind }) => kind.type);
  }
  /** A session begins or ends. Without a session, only what needs none may be used. */
  begin(clientId, offered) {
    this.clientId = clientId;
    __privateSet(this, _offered, offered);
    for (const candidate of this.candidates) if (candidate.kind.needsClient) __privateMethod(this, _Selector_instances, close_fn).call(this, candidate);
    this.select();
  }
  /** Takes the best transport that is open, and opens better ones. */
  select() {
    clearTimeout(__privateGet(this, _timer4));
    const now = Date.now();
    let wake = Infinity;
    let opening;
    let best;
    for (const candidate of this.candidates) {
      const { kind } = candidate;
      if (!__privateMethod(this, _Selector_instances, isPossible_fn).call(this, candidate)) continue;
      if (__privateGet(this, _offered) && !__privateGet(this, _offered).includes(kind.type)) continue;
      if (kind.needsClient && !this.clientId) continue;
      if (candidate.shunnedUntil > now) {
        wake = Math.min(wake, candidate.shunnedUntil);
        continue;
      }
      if (!candidate.transport && !(kind.isSocket && opening)) __privateMethod(this, _Selector_instances, open_fn).call(this, candidate, now);
      if (!candidate.isOpen) {
        if (candidate.transport) opening != null ? opening : opening = candidate;
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
    if (!best && !opening && !this.current) return __privateGet(this, _listener).stranded();
    if (wake < Infinity) __privateSet(this, _timer4, later(() => this.select(), wake - now));
    if (best && best !== this.current) {
      this.current = best;
      if (best.kind.isSocket) __privateMethod(this, _Selector_instances, closeLesser_fn).call(this, best);
      __privateGet(this, _listener).switched();
    }
  }
  /** A transport ended, or is to end because it does not answer. */
  fail(candidate, error) {
    const { transport, kind } = candidate;
    const wasCurrent = candidate === this.current;
    log("info", "? failed: ?", kind.type, error.message);
    if (kind.isBlockable && !hasHeld(candidate)) shun(candidate);
    __privateMethod(this, _Selector_instances, drop_fn).call(this, candidate);
    if (!transport) return;
    if (!wasCurrent) {
      __privateGet(this, _listener).moved(transport, void 0);
      this.select();
      return;
    }
    __privateGet(this, _listener).failed(candidate, transport, void 0, error);
    if (kind.ownsSession) __privateGet(this, _listener).lost(error);
  }
  /**
   * Nothing is used until `select` is called again, because a transport failed. The failures of others said nothing about them
   * if nothing has answered since, or if the one that took their place is cut as they were.
   */
  release(failed) {
    this.current = void 0;
    clearTimeout(__privateGet(this, _timer4));
    for (const candidate of this.candidates) {
      const { shunnedAt, cuts } = candidate;
      if (!failed || candidate !== failed && (shunnedAt > __privateGet(this, _heardAt) || cuts >= MOST_CUTS)) spare(candidate);
    }
  }
  /** Asks the other side whether it is there. */
  check() {
    var _a, _b, _c;
    (_c = (_b = (_a = this.current) == null ? void 0 : _a.transport) == null ? void 0 : _b.check) == null ? void 0 : _c.call(_b);
  }
  /** Forgets who did not work: the network is another one now. */
  forgive() {
    for (const candidate of this.candidates) spare(candidate);
  }
  /** Closes everything. */
  close() {
    clearTimeout(__privateGet(this, _timer4));
    this.clientId = void 0;
    for (const candidate of this.candidates) __privateMethod(this, _Selector_instances, close_fn).call(this, candidate);
  }
};
_disabled = new WeakMap();
_settings = new WeakMap();
_listener = new WeakMap();
_offered = new WeakMap();
_heardAt = new WeakMap();
_timer4 = new WeakMap();
_Selector_instances = new WeakSet();
isPossible_fn = function({ kind, endpoint }) {
  return !__privateGet(this, _disabled).has(kind.type) && kind.isUsable(endpoint, __privateGet(this, _settings));
};
open_fn = function(candidate, now) {
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
      if (!kind.ownsSession) __privateGet(this, _listener).answered();
    },
    ready: () => __privateGet(this, _listener).ready(),
    received: (messages) => {
      __privateSet(this, _heardAt, Date.now());
      const isReply = messages.some(({ successful }) => successful !== void 0);
      if (isReply && isCurrent()) candidate.isProven = candidate.hasWorked = true;
      __privateGet(this, _listener).received(transport, messages);
    },
    failed: (messages, error) => {
      if (!isCurrent()) return;
      if (!candidate.isProven && kind.isBlockable) this.fail(candidate, error);
      else if (candidate === this.current) __privateGet(this, _listener).failed(candidate, transport, messages, error);
      else __privateGet(this, _listener).moved(transport, messages);
    },
    refused: (messages, status) => __privateGet(this, _listener).refused(messages, status),
    relayed: (isUp, error, retryIn) => {
      if (candidate === this.current) __privateGet(this, _listener).relayed(isUp, error, retryIn);
    },
    closed: (error) => {
      if (isCurrent()) this.fail(candidate, error);
    }
  };
  try {
    transport = kind.open({ endpoint, settings: __privateGet(this, _settings), clientId: this.clientId, to });
  } catch (error) {
    return this.fail(candidate, failure(String(error)));
  }
  candidate.transport = transport;
  if (kind.isSocket) {
    candidate.timer = later(() => this.fail(candidate, failure("Not open")), OPEN_TIME);
  }
};
/** A socket has taken the place of lesser ones, which may still bring what was sent before. */
closeLesser_fn = function(candidate) {
  clearTimeout(candidate.timer);
  candidate.timer = later(() => {
    if (candidate !== this.current) return;
    for (const lesser of this.candidates.slice(this.candidates.indexOf(candidate) + 1)) {
      if (lesser.kind.isSocket) __privateMethod(this, _Selector_instances, close_fn).call(this, lesser);
    }
  }, LINGER);
};
drop_fn = function(candidate) {
  clearTimeout(candidate.timer);
  const { transport } = candidate;
  candidate.transport = void 0;
  candidate.isOpen = candidate.isProven = false;
  if (candidate === this.current) this.current = void 0;
  transport == null ? void 0 : transport.close();
};
close_fn = function(candidate) {
  const { transport } = candidate;
  __privateMethod(this, _Selector_instances, drop_fn).call(this, candidate);
  if (transport) __privateGet(this, _listener).moved(transport, void 0);
};

// src/dispatcher.ts
var OLD_REQUESTS = 3e3;
var _options5, _listener2, _failures, _pause, _old, _isFlushing, _held, _isRelayed, _early, _Dispatcher_instances, flushNow_fn, timedOut_fn, receive_fn, setUp_fn, down_fn;
var Dispatcher = class {
  constructor(reach, options, listener) {
    __privateAdd(this, _Dispatcher_instances);
    __privateAdd(this, _options5);
    __privateAdd(this, _listener2);
    __publicField(this, "outbox", new Outbox());
    __privateAdd(this, _failures, 0);
    __privateAdd(this, _pause);
    __privateAdd(this, _old);
    __privateAdd(this, _isFlushing, false);
    __privateAdd(this, _held, 0);
    /** Whether another has told that the server is away: replies of that other say nothing then. */
    __privateAdd(this, _isRelayed, false);
    __privateAdd(this, _early, new Early((message) => __privateMethod(this, _Dispatcher_instances, receive_fn).call(this, message), () => this.outbox.waitNoLonger()));
    __publicField(this, "ready", () => this.flush());
    __publicField(this, "lost", (error) => __privateGet(this, _listener2).lost(error));
    __privateSet(this, _options5, options);
    __privateSet(this, _listener2, listener);
    this.selector = new Selector(reach, this);
  }
  /** Sends a message with an id. */
  send(message, limits, settle) {
    const { scheduler, retry } = __privateGet(this, _options5);
    this.outbox.add(enclose(message, new Schedule(scheduler, message, { ...limits, interval: retry }), settle));
    this.flush();
  }
  /** Gives up everything. */
  clear(error) {
    clearTimeout(__privateGet(this, _pause));
    clearTimeout(__privateGet(this, _old));
    __privateGet(this, _early).release();
    __privateSet(this, _pause, this.isUp = void 0);
    __privateSet(this, _failures, 0);
    for (const envelope of this.outbox.all()) this.outbox.fail(envelope, error);
  }
  /** Messages that `act` sends leave together. */
  batch(act) {
    __privateSet(this, _held, __privateGet(this, _held) + 1);
    try {
      act();
    } finally {
      __privateSet(this, _held, __privateGet(this, _held) - 1);
      this.flush();
    }
  }
  /** Sends what waits, at the end of the current work so that what is sent together leaves together. */
  flush() {
    if (__privateGet(this, _isFlushing)) return;
    __privateSet(this, _isFlushing, true);
    void Promise.resolve().then(() => {
      __privateSet(this, _isFlushing, false);
      if (__privateGet(this, _held) === 0 && !__privateGet(this, _pause)) __privateMethod(this, _Dispatcher_instances, flushNow_fn).call(this);
    });
  }
  switched() {
    __privateGet(this, _listener2).switched();
    this.flush();
  }
  received(transport, messages) {
    var _a, _b, _c;
    const isNew = transport === ((_a = this.selector.current) == null ? void 0 : _a.transport);
    if (isNew && messages.some((message) => isConnect(message) && message.successful !== void 0)) {
      this.outbox.waitNoLonger();
      __privateGet(this, _early).release();
    }
    const isEarly = isNew && this.outbox.isElsewhere(transport, isConnect);
    for (const message of messages) {
      if (isEarly && message.successful === void 0) __privateGet(this, _early).keep(message);
      else __privateMethod(this, _Dispatcher_instances, receive_fn).call(this, message);
    }
    if (!this.outbox.isElsewhere((_c = (_b = this.selector.current) == null ? void 0 : _b.transport) != null ? _c : transport, isConnect)) __privateGet(this, _early).release();
    this.flush();
  }
  /** A socket is open, and the server has answered over it. */
  answered() {
    __privateSet(this, _failures, 0);
    __privateMethod(this, _Dispatcher_instances, setUp_fn).call(this);
    if (__privateGet(this, _pause)) this.retry();
  }
  failed(candidate, transport, messages, error) {
    if (error.code === 413) this.outbox.refuseLargest(this.outbox.carriedBy(transport, messages), error);
    const affected = this.outbox.carriedBy(transport, messages);
    __privateMethod(this, _Dispatcher_instances, down_fn).call(this, candidate, error, affected);
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
        if (isSingle) __privateMethod(this, _Dispatcher_instances, down_fn).call(this, this.selector.current, error, [envelope]);
        this.outbox.wait(envelope);
      }
    }
    this.flush();
  }
  relayed(isUp, error, retryIn) {
    __privateSet(this, _isRelayed, !isUp);
    if (isUp) return __privateMethod(this, _Dispatcher_instances, setUp_fn).call(this);
    const wasUp = this.isUp !== false;
    this.isUp = false;
    __privateGet(this, _listener2).down(error != null ? error : failure("The server does not answer"), retryIn != null ? retryIn : 0, wasUp, void 0);
  }
  stranded() {
    __privateMethod(this, _Dispatcher_instances, down_fn).call(this, void 0, failure("No transport can be used"), []);
  }
  /** A session has begun: requests of the one before hold up those of this one for some seconds only. */
  renewed() {
    clearTimeout(__privateGet(this, _old));
    __privateSet(this, _old, later(() => {
      for (const envelope of this.outbox.older(this.selector.clientId)) {
        envelope.transport.cancel(envelope.message);
        this.outbox.wait(envelope);
      }
      this.flush();
    }, OLD_REQUESTS));
  }
  /** Tries again now. */
  retry() {
    clearTimeout(__privateGet(this, _pause));
    __privateSet(this, _pause, void 0);
    this.selector.select();
    this.flush();
  }
  /** The network may be there again: tries at once, forgets what did not work, and asks whether the server is there. */
  wake() {
    if (this.isUp === void 0 && !__privateGet(this, _pause)) return;
    this.selector.forgive();
    __privateSet(this, _failures, 0);
    this.retry();
    this.selector.check();
  }
};
_options5 = new WeakMap();
_listener2 = new WeakMap();
_failures = new WeakMap();
_pause = new WeakMap();
_old = new WeakMap();
_isFlushing = new WeakMap();
_held = new WeakMap();
_isRelayed = new WeakMap();
_early = new WeakMap();
_Dispatcher_instances = new WeakSet();
flushNow_fn = function() {
  const { current, clientId } = this.selector;
  if (!(current == null ? void 0 : current.transport)) return;
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
    envelope.timer = later(() => __privateMethod(this, _Dispatcher_instances, timedOut_fn).call(this, envelope, current, timeout), timeout);
  }
};
timedOut_fn = function(envelope, candidate, timeout) {
  const { transport, message } = envelope;
  if (envelope.isRetired) return void this.outbox.drop(envelope);
  const error = failure(`No reply to ${message.channel} within ${Math.round(timeout / 1e3)} s`);
  if (candidate.kind.isSocket && candidate.transport === transport) return this.selector.fail(candidate, error);
  transport.cancel(message);
  if (candidate === this.selector.current) this.failed(candidate, transport, [message], error);
  else this.moved(transport, [message]);
};
receive_fn = function(message) {
  const isReply = message.successful !== void 0;
  let envelope = isReply ? this.outbox.get(message.id) : void 0;
  if ((envelope == null ? void 0 : envelope.message.channel) !== message.channel) envelope = void 0;
  if (envelope && this.outbox.goesOn(envelope, message)) envelope = void 0;
  envelope == null ? void 0 : envelope.schedule.tell("succeed");
  const settle = envelope && this.outbox.end(envelope);
  if (isReply) __privateSet(this, _failures, 0);
  if (!__privateGet(this, _isRelayed)) __privateMethod(this, _Dispatcher_instances, setUp_fn).call(this);
  __privateGet(this, _listener2).received(message, settle);
};
setUp_fn = function() {
  if (this.isUp) return;
  this.isUp = true;
  __privateGet(this, _listener2).up();
};
down_fn = function(candidate, error, affected) {
  if (__privateGet(this, _pause)) return;
  __privateSet(this, _failures, __privateGet(this, _failures) + 1);
  const { retry, maxRetry } = __privateGet(this, _options5);
  const own = affected.map(({ schedule }) => schedule.interval).find((interval) => interval !== void 0);
  const delay = own != null ? own : delayAfter(__privateGet(this, _failures), retry, maxRetry);
  __privateSet(this, _isRelayed, false);
  this.selector.release(candidate);
  __privateSet(this, _pause, later(() => this.retry(), delay));
  const wasUp = this.isUp !== false;
  this.isUp = false;
  __privateGet(this, _listener2).down(error, delay, wasUp, candidate);
};

// src/farewell.ts
var LONGEST2 = 1e4;
var _done, _timer5;
var Farewell = class {
  constructor() {
    __privateAdd(this, _done);
    __privateAdd(this, _timer5);
  }
  get isBegun() {
    return __privateGet(this, _done) !== void 0;
  }
  takeNext() {
    const { next } = this;
    this.next = void 0;
    return next;
  }
  begin(done) {
    __privateSet(this, _done, done);
    __privateSet(this, _timer5, later(() => this.end(failure("The server does not answer")), LONGEST2));
  }
  end(error) {
    const done = __privateGet(this, _done);
    clearTimeout(__privateGet(this, _timer5));
    __privateSet(this, _done, this.id = void 0);
    done == null ? void 0 : done(error);
  }
};
_done = new WeakMap();
_timer5 = new WeakMap();

// src/waiting.ts
var _tasks;
var Waiting = class {
  constructor() {
    __privateAdd(this, _tasks, []);
  }
  /** Whether nothing waits but what may wait for a later session. */
  get isEmpty() {
    return __privateGet(this, _tasks).every(({ isLasting }) => isLasting);
  }
  add(task) {
    __privateGet(this, _tasks).push(task);
  }
  runAll() {
    for (const { run } of __privateGet(this, _tasks).splice(0)) attempt(run);
  }
  /** Fails what does not last, or everything. */
  fail(error, isFinal) {
    const tasks = __privateGet(this, _tasks).splice(0);
    __privateSet(this, _tasks, tasks.filter(({ isLasting }) => isLasting && !isFinal));
    for (const { isLasting, fail } of tasks) if (!isLasting || isFinal) fail(error);
  }
};
_tasks = new WeakMap();

// src/session.ts
var _listener3, _connects, _advised2, _waiting, _farewell, _refusals2, _losses, _hasBegun, _ends, _timer6, _Session_instances, accepted_fn, refused_fn, later_fn, heed_fn;
var Session = class {
  constructor(reach, options, pipeline, listener) {
    __publicField(this, "pipeline", pipeline);
    __privateAdd(this, _Session_instances);
    __publicField(this, "phase", "unconnected");
    __privateAdd(this, _listener3);
    __privateAdd(this, _connects);
    __privateAdd(this, _advised2);
    __privateAdd(this, _waiting, new Waiting());
    __privateAdd(this, _farewell, new Farewell());
    /** Handshakes refused, and sessions lost before they were of use, in a row. The first loss costs no time. */
    __privateAdd(this, _refusals2);
    __privateAdd(this, _losses);
    __privateAdd(this, _hasBegun, false);
    /** Counts the ends, so that what belongs to an earlier time is known. */
    __privateAdd(this, _ends, 0);
    __privateAdd(this, _timer6);
    __privateSet(this, _refusals2, new Backoff(options, 0));
    __privateSet(this, _losses, new Backoff(options, 1));
    __privateSet(this, _listener3, listener);
    __privateSet(this, _advised2, new Advised(options));
    this.dispatcher = new Dispatcher(reach, options, this);
    __privateSet(this, _connects, new Connects(
      this.dispatcher,
      options,
      __privateGet(this, _advised2),
      (message, settle) => this.transmit(message, {}, settle)
    ));
  }
  get clientId() {
    return this.dispatcher.selector.clientId;
  }
  get transport() {
    var _a;
    return (_a = this.dispatcher.selector.current) == null ? void 0 : _a.kind.type;
  }
  get state() {
    if (this.phase === "connected") return this.dispatcher.isUp === false ? "interrupted" : "connected";
    return __privateGet(this, _hasBegun) && this.phase !== "disconnected" ? "interrupted" : this.phase;
  }
  /** Whether the server is being told that we go. */
  get isEnding() {
    return __privateGet(this, _farewell).isBegun;
  }
  /** Whether it was ended and is not to begin again. */
  get isOver() {
    return this.isEnding ? !__privateGet(this, _farewell).next : this.phase === "disconnected";
  }
  report(reason, error, retryIn) {
    log("info", "?: ?", this.state, reason);
    __privateGet(this, _listener3).report({ state: this.state, reason, transport: this.transport, error, retryIn });
  }
  /** Runs at once in a session, else begins one and waits for it. */
  whenConnected(run, fail, isLasting) {
    var _a;
    if (this.isOver) return fail(failure("The client is disconnected"));
    if (this.phase === "connected" && !this.isEnding) return run();
    ((_a = __privateGet(this, _farewell).next) != null ? _a : __privateGet(this, _waiting)).add({ run, fail, isLasting });
    this.start();
  }
  /** Shakes hands unless that was done, is under way, or waits for its time. */
  start() {
    if (this.phase !== "unconnected" || __privateGet(this, _timer6)) return;
    this.phase = "connecting";
    __privateGet(this, _listener3).starts();
    const { selector } = this.dispatcher;
    const types = selector.types();
    if (types.length === 0) return this.end(failure("No transport can be used"));
    this.report("Shaking hands");
    selector.begin();
    const ends = __privateGet(this, _ends);
    this.transmit({ channel: HANDSHAKE, version: "1.0", supportedConnectionTypes: types }, {}, (reply, error) => {
      if (this.phase !== "connecting" || __privateGet(this, _ends) !== ends) return;
      if ((reply == null ? void 0 : reply.successful) && reply.clientId) __privateMethod(this, _Session_instances, accepted_fn).call(this, reply);
      else __privateMethod(this, _Session_instances, refused_fn).call(this, reply, error != null ? error : failure("No clientId"));
    });
  }
  /** Begins again after the end. */
  restart() {
    var _a, _b;
    if (this.isEnding) (_b = (_a = __privateGet(this, _farewell)).next) != null ? _b : _a.next = new Waiting();
    if (this.phase === "disconnected") this.phase = "unconnected";
    this.start();
  }
  /** Sends a message. `settle` is called with its reply, or with what went wrong. Gives the id. */
  transmit(message, wishes, settle) {
    const timeout = __privateGet(this, _advised2).replyTime();
    const ends = __privateGet(this, _ends);
    const isWanted = () => {
      var _a;
      return __privateGet(this, _ends) === ends && ((_a = wishes.isWanted) == null ? void 0 : _a.call(wishes)) !== false;
    };
    return this.pipeline.send(message, { ...wishes, timeout, isWanted }, this.dispatcher, settle);
  }
  received(message, settle) {
    this.pipeline.receive(message, (passed) => {
      if (!passed) return settle == null ? void 0 : settle(void 0, failure("An extension dropped the message"));
      if (settle || passed.data === void 0 || isMeta(passed)) __privateMethod(this, _Session_instances, heed_fn).call(this, passed);
      else if (passed.channel) {
        __privateGet(this, _connects).hasHeard = true;
        __privateGet(this, _listener3).deliver(passed);
      }
      if (settle) settle(passed, passed.successful ? void 0 : parseError(passed.error));
      else if (passed.channel === SUBSCRIBE && passed.successful === false) __privateGet(this, _listener3).refused(passed);
    });
  }
  /** The server has forgotten the session: shakes hands again, after so many milliseconds. */
  lost(error, delay = 0) {
    if (this.phase !== "connected") return;
    if (this.isEnding) return __privateGet(this, _farewell).end();
    this.phase = "unconnected";
    __privateGet(this, _connects).stop();
    this.dispatcher.outbox.forget(isMeta);
    this.dispatcher.selector.begin();
    __privateGet(this, _advised2).forget();
    const wait = Math.max(__privateGet(this, _losses).next(), delay);
    __privateMethod(this, _Session_instances, later_fn).call(this, wait);
    this.report("The session was lost", error, wait);
  }
  switched() {
    if (this.phase !== "connected") return;
    if (this.dispatcher.isUp) this.report(`Messages use ${this.transport}`);
    __privateGet(this, _connects).cycle();
  }
  up() {
    __privateGet(this, _listener3).up();
    if (this.phase === "connected") this.report("The server answers again");
  }
  down(error, retryIn, isFirst, failed) {
    if ((failed == null ? void 0 : failed.kind.isSocket) && this.dispatcher.outbox.carrier(__privateGet(this, _farewell).id)) return __privateGet(this, _farewell).end();
    if (isFirst) __privateGet(this, _listener3).down();
    this.report(error.message, error, retryIn);
  }
  /** Tells the server, unless it does not answer and there is nothing to wait for. */
  disconnect(done) {
    var _a;
    const over = failure("The client is disconnected");
    (_a = __privateGet(this, _farewell).takeNext()) == null ? void 0 : _a.fail(over, true);
    if (this.isOver) return done();
    __privateGet(this, _farewell).begin((error) => {
      done(error);
      if (this.phase !== "disconnected") this.end(over);
    });
    const say = () => {
      const clientId = this.clientId;
      __privateGet(this, _connects).isOver = true;
      __privateGet(this, _farewell).id = this.transmit({ channel: DISCONNECT, clientId }, {}, (reply, error) => {
        __privateGet(this, _farewell).end(reply && fateOf(reply, clientId) === "lost" ? void 0 : error);
      });
    };
    const { isUp, outbox } = this.dispatcher;
    const fail = () => __privateGet(this, _farewell).end(this.clientId ? failure("The server does not answer") : void 0);
    if ((isUp === false || this.phase === "unconnected") && __privateGet(this, _waiting).isEmpty && outbox.isEmpty) fail();
    else if (this.phase === "connected") say();
    else __privateGet(this, _waiting).add({ run: say, fail, isLasting: false });
  }
  /** It is over, until it is begun again. */
  end(error) {
    this.phase = "disconnected";
    __privateSet(this, _ends, __privateGet(this, _ends) + 1);
    __privateSet(this, _hasBegun, false);
    __privateGet(this, _connects).stop();
    clearTimeout(__privateGet(this, _timer6));
    __privateSet(this, _timer6, void 0);
    this.dispatcher.selector.close();
    __privateGet(this, _waiting).fail(error, true);
    this.dispatcher.clear(error);
    __privateGet(this, _listener3).ended(error);
    const next = __privateGet(this, _farewell).takeNext();
    __privateGet(this, _farewell).end();
    this.report(error.message, error);
    if (next) __privateSet(this, _waiting, next);
    if (next) this.restart();
  }
};
_listener3 = new WeakMap();
_connects = new WeakMap();
_advised2 = new WeakMap();
_waiting = new WeakMap();
_farewell = new WeakMap();
_refusals2 = new WeakMap();
_losses = new WeakMap();
_hasBegun = new WeakMap();
_ends = new WeakMap();
_timer6 = new WeakMap();
_Session_instances = new WeakSet();
accepted_fn = function(reply) {
  var _a;
  __privateGet(this, _refusals2).reset();
  __privateSet(this, _hasBegun, true);
  const offered = reply.supportedConnectionTypes;
  this.dispatcher.selector.begin(reply.clientId, Array.isArray(offered) ? offered : [(_a = this.transport) != null ? _a : ""]);
  this.phase = "connected";
  this.dispatcher.renewed();
  __privateGet(this, _connects).cycle();
  __privateGet(this, _listener3).began();
  __privateGet(this, _waiting).runAll();
  this.report("The server accepted the session");
};
refused_fn = function(reply, error) {
  var _a, _b;
  this.phase = "unconnected";
  if (reply && this.pipeline.mayRetry(reply, error)) return this.start();
  if (((_a = reply == null ? void 0 : reply.advice) == null ? void 0 : _a.reconnect) === "none") return this.end(error);
  const delay = Math.max(__privateGet(this, _refusals2).next(), Number((_b = reply == null ? void 0 : reply.advice) == null ? void 0 : _b.interval) || 0);
  __privateMethod(this, _Session_instances, later_fn).call(this, delay);
  this.report("The server refused the session", error, delay);
  __privateGet(this, _waiting).fail(error, false);
};
later_fn = function(delay) {
  clearTimeout(__privateGet(this, _timer6));
  __privateSet(this, _timer6, later(() => {
    __privateSet(this, _timer6, void 0);
    this.start();
  }, delay));
};
/** What a reply says about the session itself. */
heed_fn = function(reply) {
  const { channel, successful, advice } = reply;
  __privateGet(this, _advised2).heed(reply);
  if (this.phase !== "connected" || channel === HANDSHAKE || channel === DISCONNECT) return;
  if (channel === CONNECT && successful) __privateGet(this, _losses).reset();
  const fate = fateOf(reply, this.clientId);
  const error = successful ? failure("The server ended the session") : parseError(reply.error);
  if (fate === "over") this.end(error);
  else if (fate) this.lost(error, Number(advice == null ? void 0 : advice.interval) || 0);
};

// src/channels.ts
var _channels;
var Channels = class {
  constructor() {
    __privateAdd(this, _channels, /* @__PURE__ */ new Map());
  }
  /** Adds a listener and gives its channel. */
  add(subscription) {
    let channel = __privateGet(this, _channels).get(subscription.channel);
    if (!channel) {
      channel = { name: subscription.channel, standing: "unknown", subscriptions: [] };
      __privateGet(this, _channels).set(channel.name, channel);
    }
    channel.subscriptions = [...channel.subscriptions, subscription];
    return channel;
  }
  /** Removes a listener, or all of a channel. Gives the channel if nobody listens to it any more. */
  remove(name, subscription) {
    const channel = __privateGet(this, _channels).get(name);
    if (!channel) return void 0;
    const leaves = (each2) => !subscription || each2 === subscription;
    const leaving = channel.subscriptions.filter(leaves);
    channel.subscriptions = channel.subscriptions.filter((each2) => !leaves(each2));
    for (const each2 of leaving) each2.spoil(failure("The subscription was cancelled"));
    if (channel.subscriptions.length > 0 || leaving.length === 0) return void 0;
    __privateGet(this, _channels).delete(name);
    return channel;
  }
  get(name) {
    return __privateGet(this, _channels).get(name);
  }
  all() {
    return [...__privateGet(this, _channels).values()];
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
    __privateGet(this, _channels).delete(channel.name);
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
    __privateGet(this, _channels).clear();
  }
  /** Calls every listener whose channel or pattern matches, in Faye's order. */
  deliver(message) {
    var _a, _b;
    for (const pattern of patternsOf(message.channel)) {
      for (const subscription of (_b = (_a = __privateGet(this, _channels).get(pattern)) == null ? void 0 : _a.subscriptions) != null ? _b : []) {
        subscription.apply(void 0, [message]);
      }
    }
  }
};
_channels = new WeakMap();

// src/subscribe.ts
var _session, _lost, _Subscriber_instances, ask_fn, refuse_fn;
var Subscriber = class {
  /** `lost` is told of subscriptions that had been accepted and are no more. */
  constructor(session, lost) {
    __privateAdd(this, _Subscriber_instances);
    __publicField(this, "channels", new Channels());
    __privateAdd(this, _session);
    __privateAdd(this, _lost);
    __privateSet(this, _session, session);
    __privateSet(this, _lost, lost);
  }
  add(subscription) {
    if (__privateGet(this, _session).isOver) return subscription.spoil(failure("The client is disconnected"));
    const channel = this.channels.add(subscription);
    if (__privateGet(this, _session).phase !== "connected" || __privateGet(this, _session).isEnding) __privateGet(this, _session).start();
    else if (channel.standing === "agreed") subscription.succeed();
    else if (channel.standing === "unknown") __privateMethod(this, _Subscriber_instances, ask_fn).call(this, channel);
  }
  /** Removes one listener of a channel, or all. The server is told when nobody listens any more. */
  remove(name, subscription) {
    const left = this.channels.remove(name, subscription);
    if (!left || left.standing === "unknown" || __privateGet(this, _session).phase !== "connected") return;
    const message = { channel: UNSUBSCRIBE, clientId: __privateGet(this, _session).clientId, subscription: name };
    __privateGet(this, _session).transmit(message, {}, () => {
    });
  }
  /** A session has begun, which knows of nothing. */
  renew() {
    this.channels.forget();
    for (const channel of this.channels.all()) __privateMethod(this, _Subscriber_instances, ask_fn).call(this, channel);
  }
  /** The server took subscriptions away, for example because a token expired. */
  takenAway(message) {
    var _a;
    for (const name of [(_a = message.subscription) != null ? _a : []].flat()) {
      const channel = this.channels.get(name);
      if ((channel == null ? void 0 : channel.standing) !== "agreed") continue;
      const refusal = parseError(message.error);
      if (__privateGet(this, _session).pipeline.mayRetry(message, refusal)) __privateMethod(this, _Subscriber_instances, ask_fn).call(this, channel, true);
      else __privateMethod(this, _Subscriber_instances, refuse_fn).call(this, channel, refusal);
    }
  }
};
_session = new WeakMap();
_lost = new WeakMap();
_Subscriber_instances = new WeakSet();
ask_fn = function(channel, isSecond = false) {
  channel.standing = "asked";
  const message = { channel: SUBSCRIBE, clientId: __privateGet(this, _session).clientId, subscription: channel.name };
  const isWanted = () => this.channels.get(channel.name) === channel;
  __privateGet(this, _session).transmit(message, { isWanted }, (reply, error) => {
    if (!isWanted() || reply && __privateGet(this, _session).phase !== "connected") return;
    if (!error) this.channels.agree(channel);
    else if (reply && !isSecond && __privateGet(this, _session).pipeline.mayRetry(message, error)) __privateMethod(this, _Subscriber_instances, ask_fn).call(this, channel, true);
    else __privateMethod(this, _Subscriber_instances, refuse_fn).call(this, channel, error);
  });
};
refuse_fn = function(channel, error) {
  if (this.channels.refuse(channel, error)) __privateGet(this, _lost).call(this, channel.name, error);
};

// src/subscription.ts
var _end, _callback, _withChannel, _isCancelled;
var Subscription = class extends Deferrable {
  /** Used by the client; applications call `subscribe`. */
  constructor(channel, callback, context, end) {
    super();
    __privateAdd(this, _end);
    __privateAdd(this, _callback);
    __privateAdd(this, _withChannel);
    __privateAdd(this, _isCancelled, false);
    this.channel = channel;
    __privateSet(this, _end, end);
    __privateSet(this, _callback, (message) => callback == null ? void 0 : callback.call(context, message.data));
  }
  /** Calls `callback` with the channel and the data of each message, which is useful with patterns. */
  withChannel(callback, context) {
    __privateSet(this, _withChannel, (message) => callback.call(context, message.channel, message.data));
    return this;
  }
  /** Ends the subscription. The client unsubscribes at the server when this was its last listener of the channel. */
  cancel() {
    if (__privateGet(this, _isCancelled)) return;
    __privateSet(this, _isCancelled, true);
    __privateGet(this, _end).call(this, this);
  }
  /** Ends the subscription, like `cancel`. */
  unsubscribe() {
    this.cancel();
  }
  /** Passes a message to the callbacks. */
  apply(_context, [message]) {
    for (const call of [__privateGet(this, _callback), __privateGet(this, _withChannel)]) {
      attempt(() => call == null ? void 0 : call(message));
    }
  }
};
_end = new WeakMap();
_callback = new WeakMap();
_withChannel = new WeakMap();
_isCancelled = new WeakMap();

// src/client.ts
var _extensions2, _headers, _farewell2, _make, _made, _features2, _watch, _unwatch, _BaseClient_instances, parts_get, session_get, subscriber_get, listen_fn;
var BaseClient = class extends Awaitable {
  /** Used by the platforms' `Client` classes. */
  constructor(endpoint, given, environment) {
    super(EVENTS);
    __privateAdd(this, _BaseClient_instances);
    __privateAdd(this, _extensions2, new Extensions());
    __privateAdd(this, _headers);
    __privateAdd(this, _farewell2);
    __privateAdd(this, _make);
    __privateAdd(this, _made);
    __privateAdd(this, _features2);
    __privateAdd(this, _watch);
    __privateAdd(this, _unwatch);
    const options = { ...given };
    const address = String(endpoint);
    const addresses = endpointsOf(options);
    const resolved = sessionOptions(options);
    const settings = environment.settings(options);
    __privateSet(this, _headers, settings.headers);
    const features = __privateSet(this, _features2, featuresOf(options, address, (channel, error) => this.emit("replay:gap", { channel, error })));
    __privateSet(this, _make, () => {
      const main = environment.resolve(address);
      __privateSet(this, _farewell2, (message) => {
        var _a;
        return (_a = environment.beacon) == null ? void 0 : _a.call(environment, main, message);
      });
      const endpointFor = (type) => {
        var _a;
        return environment.resolve((_a = addresses[type]) != null ? _a : address);
      };
      const reach = { kinds: environment.kinds(options, main), endpointFor, settings };
      return new Session(reach, resolved, new Pipeline(__privateGet(this, _extensions2), features), __privateMethod(this, _BaseClient_instances, listen_fn).call(this));
    });
    __privateSet(this, _watch, () => environment.watch({
      wake: () => this.wake(),
      doubt: () => __privateGet(this, _BaseClient_instances, session_get).dispatcher.selector.check(),
      hide: () => saveAll(features),
      leave: () => leave(__privateGet(this, _BaseClient_instances, session_get), __privateGet(this, _farewell2))
    }));
    log("info", "New client created for ?", address);
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
    var _a, _b;
    return (_b = (_a = __privateGet(this, _made)) == null ? void 0 : _a.session.state) != null ? _b : "unconnected";
  }
  /** The connection type in use, such as `websocket`; undefined without one. */
  get transport() {
    var _a;
    return (_a = __privateGet(this, _made)) == null ? void 0 : _a.session.transport;
  }
  /**
   * The identifier of the session; undefined without one. It gives access to the session: do not show or log it.
   */
  get clientId() {
    var _a;
    return (_a = __privateGet(this, _made)) == null ? void 0 : _a.session.clientId;
  }
  /** Starts a session and calls `callback` once it exists. */
  handshake(callback, context) {
    this.connect(callback, context);
  }
  /** Connects, also after `disconnect`, and calls `callback` once the client has a session. */
  connect(callback, context) {
    if (__privateGet(this, _BaseClient_instances, session_get).phase !== "connected") this.awaitConnection();
    __privateGet(this, _BaseClient_instances, session_get).restart();
    const call = () => void Promise.resolve().then(() => callback.call(context));
    if (callback) __privateGet(this, _BaseClient_instances, session_get).whenConnected(call, () => {
    }, true);
  }
  /** Ends the session after the replies to earlier messages. Promises that are still pending then reject. */
  disconnect() {
    const publication = new Publication();
    __privateGet(this, _BaseClient_instances, subscriber_get).channels.clear(failure("The client is disconnected"));
    __privateGet(this, _BaseClient_instances, session_get).disconnect((error) => error ? publication.spoil(error) : publication.succeed());
    return publication;
  }
  subscribe(channel, callback, context, options) {
    var _a;
    if (Array.isArray(channel)) return channel.map((each2) => this.subscribe(each2, callback, context, options));
    if (callback && typeof callback !== "function") throw failure("Not a function: callback");
    checkOptions(options != null ? options : {}, { replay: "" });
    for (const feature of __privateGet(this, _features2)) (_a = feature.start) == null ? void 0 : _a.call(feature, channel, options == null ? void 0 : options.replay);
    const subscription = new Subscription(channel, callback, context, (each2) => this.unsubscribe(channel, each2));
    __privateGet(this, _BaseClient_instances, subscriber_get).add(subscription);
    return subscription;
  }
  /** Ends one subscription to a channel, or all of them. */
  unsubscribe(channel, subscription) {
    for (const each2 of [channel].flat()) __privateGet(this, _BaseClient_instances, subscriber_get).remove(each2, subscription);
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
    checkOptions(options != null ? options : {}, { attempts: 0, deadline: 0 });
    return publish(__privateGet(this, _BaseClient_instances, session_get), { channel, data }, options != null ? options : {});
  }
  /** Publishes a message with all its fields. */
  publishMessage(message) {
    return publish(__privateGet(this, _BaseClient_instances, session_get), message, {});
  }
  /** Checks the connection immediately. The client does so itself when the network or the page returns. */
  wake() {
    __privateGet(this, _BaseClient_instances, session_get).dispatcher.wake();
  }
  /** Sends the messages of `act` together. */
  batch(act, context) {
    __privateGet(this, _BaseClient_instances, session_get).dispatcher.batch(() => act.call(context));
  }
  /** Switches off a connection type, the shared connection, or the disconnect when the page is left (`autodisconnect`). */
  disable(feature) {
    checkName("feature", feature, FEATURES);
    const { selector } = __privateGet(this, _BaseClient_instances, session_get).dispatcher;
    selector.disable(feature);
    const isStarted = this.state !== "unconnected" && this.state !== "disconnected";
    if (isStarted && selector.types().length === 0) __privateGet(this, _BaseClient_instances, session_get).end(failure("No transport can be used"));
  }
  /** Sets a header for all requests. A browser cannot send it with WebSockets, EventSource and JSON-P. */
  setHeader(name, value) {
    __privateGet(this, _headers)[name] = value;
  }
  /**
   * Appends an extension, which sees each outgoing and incoming message and may change, delay or drop it. It sees an outgoing
   * message once, even if the client sends it several times.
   */
  addExtension(extension) {
    __privateGet(this, _extensions2).add(extension, this);
  }
  /** Removes an extension. Does nothing if it was not added before. */
  removeExtension(extension) {
    __privateGet(this, _extensions2).remove(extension, this);
  }
  /** Does nothing, for compatibility with Faye; compression is left to the platform's WebSocket. */
  addWebsocketExtension(_extension) {
  }
};
_extensions2 = new WeakMap();
_headers = new WeakMap();
_farewell2 = new WeakMap();
_make = new WeakMap();
_made = new WeakMap();
_features2 = new WeakMap();
_watch = new WeakMap();
_unwatch = new WeakMap();
_BaseClient_instances = new WeakSet();
parts_get = function() {
  if (!__privateGet(this, _made)) {
    const session = __privateGet(this, _make).call(this);
    __privateSet(this, _made, { session, subscriber: new Subscriber(session, (channel, error) => this.emit("subscription:refused", { channel, error })) });
  }
  return __privateGet(this, _made);
};
session_get = function() {
  return __privateGet(this, _BaseClient_instances, parts_get).session;
};
subscriber_get = function() {
  return __privateGet(this, _BaseClient_instances, parts_get).subscriber;
};
listen_fn = function() {
  return {
    report: (event) => this.emit("connection", event),
    up: () => this.emit("transport:up"),
    down: () => this.emit("transport:down"),
    starts: () => {
      var _a;
      return void ((_a = __privateGet(this, _unwatch)) != null ? _a : __privateSet(this, _unwatch, __privateGet(this, _watch).call(this)));
    },
    began: () => {
      __privateGet(this, _BaseClient_instances, subscriber_get).renew();
      this.setDeferredStatus("succeeded");
    },
    ended: (error) => {
      var _a;
      (_a = __privateGet(this, _unwatch)) == null ? void 0 : _a.call(this);
      __privateSet(this, _unwatch, void 0);
      __privateGet(this, _BaseClient_instances, subscriber_get).channels.reject(error);
      saveAll(__privateGet(this, _features2));
      this.setDeferredStatus("failed", error);
    },
    deliver: (message) => __privateGet(this, _BaseClient_instances, subscriber_get).channels.deliver(message),
    refused: (message) => __privateGet(this, _BaseClient_instances, subscriber_get).takenAway(message)
  };
};
Object.assign(BaseClient.prototype, CONSTANTS);

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

// src/transport/request.ts
var LARGEST_BATCH = 100;
var isFree = ({ channel }) => channel === CONNECT || channel === HANDSHAKE;
var _underWay2, _isBusy, _RequestTransport_instances, begin_fn, batch_fn, answered_fn, failed_fn, end_fn2;
var RequestTransport = class {
  constructor(place) {
    __privateAdd(this, _RequestTransport_instances);
    __publicField(this, "place");
    /** Characters of JSON that one request may hold, unless a single message is larger. */
    __publicField(this, "largest", 65536);
    __privateAdd(this, _underWay2, /* @__PURE__ */ new Map());
    __privateAdd(this, _isBusy, false);
    this.place = place;
  }
  send(waiting) {
    const batch = __privateMethod(this, _RequestTransport_instances, batch_fn).call(this, waiting);
    if (batch.length === 0) return batch;
    const isLane = !isFree(batch[0]);
    if (isLane) __privateSet(this, _isBusy, true);
    const exchange = __privateMethod(this, _RequestTransport_instances, begin_fn).call(this, batch);
    __privateGet(this, _underWay2).set(exchange, { batch, awaited: new Set(batch) });
    exchange.answer.then(
      (answer) => __privateMethod(this, _RequestTransport_instances, answered_fn).call(this, exchange, batch, answer, isLane),
      (error) => __privateMethod(this, _RequestTransport_instances, failed_fn).call(this, exchange, batch, error, isLane)
    );
    return batch;
  }
  /** A response may hold what others wait for: only a request that nobody waits for is ended. */
  cancel(message) {
    for (const [exchange, { batch, awaited }] of __privateGet(this, _underWay2)) {
      if (!awaited.delete(message) || awaited.size > 0) continue;
      __privateMethod(this, _RequestTransport_instances, end_fn2).call(this, exchange, !isFree(batch[0]));
      exchange.abort();
    }
  }
  close() {
    for (const exchange of __privateGet(this, _underWay2).keys()) exchange.abort();
    __privateGet(this, _underWay2).clear();
    __privateSet(this, _isBusy, false);
  }
};
_underWay2 = new WeakMap();
_isBusy = new WeakMap();
_RequestTransport_instances = new WeakSet();
/** A request that cannot even be made, because a header has no valid value for example, is one that failed. */
begin_fn = function(messages) {
  try {
    return this.exchange(messages);
  } catch (error) {
    return { answer: Promise.reject(failure(`Request failed: ${error}`)), abort: () => {
    } };
  }
};
/**
 * What goes into the next request: a connect or a handshake alone, since Faye answers a request when all of it is
 * done, and a connect that another one replaces never; of the others as many as a request may hold.
 */
batch_fn = function(waiting) {
  const free = waiting.find(isFree);
  if (free) return [free];
  const batch = [];
  let size = 0;
  for (const message of __privateGet(this, _isBusy) ? [] : waiting) {
    size += JSON.stringify(message).length;
    if (batch.length > 0 && (size > this.largest || batch.length >= LARGEST_BATCH)) break;
    batch.push(message);
  }
  return batch;
};
answered_fn = function(exchange, batch, answer, isLane) {
  if (!__privateMethod(this, _RequestTransport_instances, end_fn2).call(this, exchange, isLane)) return;
  if (typeof answer === "number") this.place.to.refused(batch, answer);
  else this.place.to.received(answer);
  this.place.to.ready();
};
failed_fn = function(exchange, batch, error, isLane) {
  if (__privateMethod(this, _RequestTransport_instances, end_fn2).call(this, exchange, isLane)) this.place.to.failed(batch, error);
};
end_fn2 = function(exchange, isLane) {
  if (isLane) __privateSet(this, _isBusy, false);
  return __privateGet(this, _underWay2).delete(exchange);
};

// src/transport/jsonp.ts
var LONGEST_ADDRESS = 8e3;
var count = 0;
var JsonpTransport = class extends RequestTransport {
  constructor() {
    super(...arguments);
    /** Addresses of more than about 2,000 characters do not pass everywhere, and a quotation mark takes three. */
    __publicField(this, "largest", 700);
  }
  exchange(messages) {
    count += 1;
    const name = `__jsonp${count}__`;
    const globals = globalThis;
    const url = new URL(this.place.endpoint.href);
    url.searchParams.set("message", JSON.stringify(messages));
    url.searchParams.set("jsonp", name);
    const script = document.createElement("script");
    const answer = new Promise((resolve, reject) => {
      const end = (act) => {
        delete globals[name];
        script.remove();
        act();
      };
      globals[name] = (replies) => end(() => resolve([replies].flat().filter(isMessage)));
      script.onerror = () => end(() => {
        if (messages.length === 1 && url.href.length > LONGEST_ADDRESS) resolve(413);
        else reject(failure("Script failed"));
      });
      script.onload = script.onerror;
    });
    script.src = url.href;
    document.head.appendChild(script);
    return { answer, abort: () => script.remove() };
  }
};
var callbackPolling = {
  type: "callback-polling",
  isUsable: () => typeof document !== "undefined" && Boolean(document.head),
  open: (place) => new JsonpTransport(place)
};

// src/transport/fetch.ts
function isSameOrigin({ href }) {
  var _a;
  return typeof location === "undefined" || ((_a = globalThis.navigator) == null ? void 0 : _a.product) === "ReactNative" || new URL(href).origin === location.origin;
}
var form = (messages) => `message=${encodeURIComponent(JSON.stringify(messages))}`;
function readResponse(status, text) {
  const messages = parseMessages(text);
  if (messages) return messages;
  if (status === 400 || status === 413) return status;
  throw failure(`The server answered ${status}`);
}
var FetchTransport = class extends RequestTransport {
  constructor() {
    super(...arguments);
    __publicField(this, "isForm", false);
  }
  exchange(messages) {
    const { endpoint, settings } = this.place;
    const controller = new AbortController();
    const [, scheme, credentials, rest] = /^(\w+:\/\/)(?:([^/?#]*)@)?(.*)/.exec(endpoint.href);
    const headers = this.isForm ? {} : {
      "Content-Type": "application/json",
      "X-Requested-With": "XMLHttpRequest",
      ...credentials && { Authorization: `Basic ${btoa(credentials.replace(/^[^:]*$/, "$&:"))}` }
    };
    const answer = fetch(`${scheme}${rest}`, {
      method: "POST",
      body: this.isForm ? form(messages) : JSON.stringify(messages),
      headers: { ...headers, ...settings.headers },
      credentials: this.isForm ? "include" : "same-origin",
      cache: "no-store",
      signal: controller.signal
    }).then(
      async (response) => readResponse(response.status, await response.text())
    ).catch((error) => {
      var _a;
      throw failure((_a = error == null ? void 0 : error.message) != null ? _a : String(error));
    });
    return { answer, abort: () => controller.abort() };
  }
};
var FormTransport = class extends FetchTransport {
  constructor() {
    super(...arguments);
    __publicField(this, "isForm", true);
  }
};
var longPolling = {
  type: "long-polling",
  isBlockable: true,
  isUsable: isSameOrigin,
  open: (place) => new FetchTransport(place)
};
var crossOriginLongPolling = {
  type: "cross-origin-long-polling",
  isBlockable: true,
  isUsable: (endpoint) => !isSameOrigin(endpoint),
  open: (place) => new FormTransport(place)
};

// src/transport/transport.ts
var below = ({ href }) => href.replace(/[?#].*/, "").replace(/\/$/, "");

// src/transport/eventsource.ts
var _source3;
var EventSourceTransport = class extends FetchTransport {
  constructor(place) {
    super(place);
    __privateAdd(this, _source3);
    const source = new EventSource(`${below(place.endpoint)}/${place.clientId}`);
    __privateSet(this, _source3, source);
    source.onopen = () => place.to.opened();
    source.onmessage = (event) => {
      const messages = parseMessages(event.data);
      if (messages) place.to.received(messages);
    };
    source.onerror = () => {
      this.close();
      place.to.closed(failure("Stream closed"));
    };
  }
  /** Requests under way go on: they are not at fault, none is held, and their replies still count. */
  close() {
    const source = __privateGet(this, _source3);
    source.onopen = source.onmessage = source.onerror = null;
    source.close();
  }
};
_source3 = new WeakMap();
var eventSource = {
  type: "eventsource",
  isSocket: true,
  isBlockable: true,
  needsClient: true,
  isUsable: (endpoint) => typeof EventSource === "function" && isSameOrigin(endpoint),
  open: (place) => new EventSourceTransport(place)
};

// src/transport/shared.ts
function scriptFor({ shared }, endpoint) {
  if (typeof shared === "string") return shared;
  return `${below(endpoint)}/faye-shared-worker.js`;
}
var _port, _release, _SharedTransport_instances, say_fn;
var SharedTransport = class {
  constructor({ endpoint, settings, to }, script, options) {
    __privateAdd(this, _SharedTransport_instances);
    __privateAdd(this, _port);
    /** Ends the lock by which the worker sees that this tab is there. */
    __privateAdd(this, _release);
    var _a;
    const worker = new SharedWorker(script, `faye ${VERSION} ${endpoint.href}`);
    __privateSet(this, _port, worker.port);
    worker.onerror = () => to.closed(failure("Worker failed"));
    __privateGet(this, _port).onmessage = ({ data }) => {
      if (data.type === "ready") to.opened();
      else if (data.type === "messages") to.received(data.messages);
      else to.relayed(data.up, failure(data.reason), data.retryIn);
    };
    const { timeout, interval, retry, maxRetry, ack, replay } = options;
    const endpoints = Object.fromEntries(
      Object.entries((_a = options.endpoints) != null ? _a : {}).map(([type, url]) => [type, new URL(String(url), location.href).href])
    );
    const open = (lock2) => __privateMethod(this, _SharedTransport_instances, say_fn).call(this, {
      type: "open",
      url: endpoint.href,
      headers: { ...settings.headers },
      lock: lock2,
      options: { timeout, interval, retry, maxRetry, ack, replay, endpoints }
    });
    const lock = `faye ${Math.random()}`;
    if (!navigator.locks) open(void 0);
    else void navigator.locks.request(lock, () => new Promise((resolve) => {
      __privateSet(this, _release, resolve);
      open(lock);
    })).catch(() => open(void 0));
  }
  send(waiting) {
    __privateMethod(this, _SharedTransport_instances, say_fn).call(this, { type: "send", text: JSON.stringify(waiting) });
    return waiting;
  }
  cancel() {
  }
  check() {
    __privateMethod(this, _SharedTransport_instances, say_fn).call(this, { type: "check" });
  }
  farewell(message) {
    this.send([message]);
  }
  close() {
    var _a;
    __privateMethod(this, _SharedTransport_instances, say_fn).call(this, { type: "close" });
    (_a = __privateGet(this, _release)) == null ? void 0 : _a.call(this);
    __privateGet(this, _port).onmessage = null;
    __privateGet(this, _port).close();
  }
};
_port = new WeakMap();
_release = new WeakMap();
_SharedTransport_instances = new WeakSet();
say_fn = function(message) {
  __privateGet(this, _port).postMessage(message);
};
var sharedWorker = (options, endpoint) => ({
  type: "shared",
  isSocket: true,
  isBlockable: true,
  ownsSession: true,
  isUsable: () => typeof SharedWorker === "function",
  open: (place) => new SharedTransport(place, scriptFor(options, endpoint), options)
});

// src/transport/websocket.ts
var OPEN = 1;
var TOO_LARGE = 1009;
var LARGEST_FRAME = 65536;
var QUESTION = "[]";
var CHECK_MILLISECONDS = 5e3;
function socketUrl(endpoint) {
  return endpoint.href.replace(/^http/i, "ws").replace(/#.*$/, "");
}
var _place, _socket, _checking, _isOpen, _isClosed, _WebSocketTransport_instances, open_fn2, closed_fn;
var WebSocketTransport = class {
  /** `create` may throw, as the browser's does when a policy forbids the address. */
  constructor(place, create) {
    __privateAdd(this, _WebSocketTransport_instances);
    __privateAdd(this, _place);
    __privateAdd(this, _socket);
    __privateAdd(this, _checking);
    __privateAdd(this, _isOpen, false);
    __privateAdd(this, _isClosed, false);
    __privateSet(this, _place, place);
    void __privateMethod(this, _WebSocketTransport_instances, open_fn2).call(this, create);
  }
  send(waiting) {
    var _a;
    if (((_a = __privateGet(this, _socket)) == null ? void 0 : _a.readyState) !== OPEN) return [];
    let frame = [];
    let size = 0;
    const flush = () => {
      if (frame.length > 0) __privateGet(this, _socket).send(`[${frame.join()}]`);
      frame = [];
      size = 0;
    };
    for (const message of waiting) {
      const text = JSON.stringify(message);
      if (message.channel === CONNECT) {
        __privateGet(this, _socket).send(`[${text}]`);
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
    var _a;
    if (((_a = __privateGet(this, _socket)) == null ? void 0 : _a.readyState) !== OPEN || __privateGet(this, _checking)) return;
    __privateGet(this, _socket).send(QUESTION);
    __privateSet(this, _checking, later(() => __privateMethod(this, _WebSocketTransport_instances, closed_fn).call(this, failure("WebSocket silent")), CHECK_MILLISECONDS));
  }
  farewell(message) {
    this.send([message]);
  }
  close() {
    __privateSet(this, _isClosed, true);
    clearTimeout(__privateGet(this, _checking));
    const socket = __privateGet(this, _socket);
    __privateSet(this, _socket, void 0);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
};
_place = new WeakMap();
_socket = new WeakMap();
_checking = new WeakMap();
_isOpen = new WeakMap();
_isClosed = new WeakMap();
_WebSocketTransport_instances = new WeakSet();
open_fn2 = async function(create) {
  const { to, endpoint, settings } = __privateGet(this, _place);
  let socket;
  try {
    socket = await create(socketUrl(endpoint), settings);
  } catch (error) {
    await null;
    return __privateMethod(this, _WebSocketTransport_instances, closed_fn).call(this, failure(`Request failed: ${error}`));
  }
  socket.onerror = () => {
  };
  if (__privateGet(this, _isClosed)) return socket.close();
  __privateSet(this, _socket, socket);
  socket.onopen = () => socket.send(QUESTION);
  socket.onmessage = (event) => {
    clearTimeout(__privateGet(this, _checking));
    __privateSet(this, _checking, void 0);
    if (!__privateGet(this, _isOpen)) {
      __privateSet(this, _isOpen, true);
      to.opened();
    }
    const messages = parseMessages(event.data);
    if (messages && messages.length > 0) to.received(messages);
  };
  socket.onclose = (event) => __privateMethod(this, _WebSocketTransport_instances, closed_fn).call(this, (event == null ? void 0 : event.code) === TOO_LARGE ? new FayeError(413, [], "Message too large") : failure(`WebSocket closed${(event == null ? void 0 : event.code) ? ` (${event.code})` : ""}`));
};
closed_fn = function(error) {
  if (__privateGet(this, _isClosed)) return;
  this.close();
  __privateGet(this, _place).to.closed(error);
};
var webSocket = {
  type: "websocket",
  isSocket: true,
  isBlockable: true,
  isUsable: () => typeof WebSocket === "function",
  open: (place) => new WebSocketTransport(place, (url) => new WebSocket(url))
};

// src/page.ts
var HIDDEN_MILLISECONDS = 5e3;
var watchers = /* @__PURE__ */ new Set();
function each(tell) {
  for (const watcher of [...watchers]) tell(watcher);
}
var isListening = false;
function listen() {
  if (isListening || typeof addEventListener !== "function") return;
  isListening = true;
  let hiddenAt = 0;
  addEventListener("online", () => each((watcher) => watcher.wake()));
  addEventListener("offline", () => each((watcher) => watcher.doubt()));
  addEventListener("pagehide", (event) => {
    each((watcher) => watcher.hide());
    if (!event.persisted) each((watcher) => watcher.leave());
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) each((watcher) => watcher.wake());
  });
  if (typeof document === "undefined") return;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      hiddenAt = Date.now();
      each((watcher) => watcher.hide());
    } else if (Date.now() - hiddenAt > HIDDEN_MILLISECONDS) each((watcher) => watcher.wake());
  });
}
var page = {
  // React Native has no page, and its `URL` adds a slash to an address.
  resolve: (endpoint) => /^\w+:/.test(endpoint) ? { href: endpoint } : new URL(endpoint, location.href),
  kinds: (options, endpoint) => [
    ...options.shared ? [sharedWorker(options, endpoint)] : [],
    webSocket,
    eventSource,
    longPolling,
    crossOriginLongPolling,
    callbackPolling
  ],
  settings: () => ({ headers: {} }),
  // A form passes without a preflight, for which a page that goes away has no time.
  beacon: ({ href }, message) => {
    var _a;
    return (_a = navigator.sendBeacon) == null ? void 0 : _a.call(navigator, href, form([message]));
  },
  watch: (watcher) => {
    listen();
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }
};

// src/browser.ts
var Client = class extends BaseClient {
  /**
   * Creates a client.
   *
   * @param endpoint the URL of the server, relative to the page; an absolute URL in React Native.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  constructor(endpoint = "/bayeux", options) {
    super(endpoint, options, page);
  }
};
var Faye = makeFaye(Client);
var browser_default = Faye;
Object.defineProperty(module.exports, "logger", {
  enumerable: true,
  get: () => module.exports.default.logger,
  set: (logger) => { module.exports.default.logger = logger; }
});
//# sourceMappingURL=browser.cjs.map
