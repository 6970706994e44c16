// What stands between the server and the extensions of one file: it hands them messages as Faye's server does
// (src/protocol/extensible.js there), and tells the server what they changed. It knows no file and no timer.
(function (native) {
  'use strict';

  // An extension may replace what is global.
  const { parse, stringify } = JSON;
  const { keys, hasOwn } = Object;

  const extensions = [];

  // What `added` and `removed` are handed.
  const server = {
    addExtension(extension) {
      extensions.push(extension);
      if (extension.added) extension.added(server);
    },
    removeExtension(extension) {
      const at = extensions.lastIndexOf(extension);
      if (at < 0) return;
      extensions.splice(at, 1);
      if (extension.removed) extension.removed(server);
    },
  };

  function isExtension(value) {
    return (typeof value === 'object' || typeof value === 'function') && value !== null
      && (typeof value.incoming === 'function' || typeof value.outgoing === 'function');
  }

  // Adds what a file exports, one extension or an array of them.
  function add(exported) {
    if (exported && exported.__esModule && exported.default) exported = exported.default;
    const list = Array.isArray(exported) ? exported : [exported];
    if (list.length === 0 || !list.every(isExtension)) {
      throw new TypeError('it exports no extension; write module.exports = { incoming(message, callback) { ... } }');
    }
    for (const extension of list) server.addExtension(extension);
  }

  // Which stages the file has.
  function has(stage) {
    return extensions.some((extension) => typeof extension[stage] === 'function');
  }

  function remove() {
    for (const extension of extensions.slice()) server.removeExtension(extension);
  }

  // Runs a message through the extensions of the file. The answer is given by `native.answer`.
  function call(id, stage, message) {
    const before = remember(message);
    const queue = extensions.slice();
    const takesRequest = queue.some((extension) => typeof extension[stage] === 'function' && extension[stage].length >= 3);
    const request = takesRequest ? describeRequest() : null;

    function pipe(current) {
      if (!current) return native.answer(id, 0, '');
      try {
        const extension = queue.shift();
        if (!extension) return settle(current);
        const run = extension[stage];
        if (!run) return pipe(current);
        let isCalled = false;
        const callback = (next) => {
          if (isCalled) return native.repeat();
          isCalled = true;
          pipe(next);
        };
        const returned = run.length >= 3
          ? run.call(extension, current, request, callback)
          : run.call(extension, current, callback);
        // An async function that fails says so here.
        if (returned && typeof returned.then === 'function') returned.then(undefined, fail);
      } catch (error) {
        fail(error);
      }
    }

    function settle(after) {
      if (typeof after !== 'object' || Array.isArray(after)) {
        throw new TypeError('it called back with what is no message');
      }
      const text = changes(before, after);
      native.answer(id, text === '' ? 1 : 2, text);
    }

    function fail(error) {
      native.fail(id, describe(error));
    }

    pipe(message);
  }

  // The fields of a message as they are now, to be compared with what an extension makes of them.
  function remember(message) {
    const fields = new Map();
    for (const key of keys(message)) {
      const value = message[key];
      fields.set(key, typeof value === 'object' && value !== null ? { text: stringify(value) } : value);
    }
    return fields;
  }

  // What is not as it was: `["key",value]` for a field that was changed or added, `["key"]` for one that is gone.
  function changes(before, after) {
    const found = [];
    const kept = new Set();
    for (const key of keys(after)) {
      const value = after[key];
      const old = before.get(key);
      const isNew = !before.has(key);
      if (!isNew && old === value) {
        kept.add(key);
        continue;
      }
      const text = stringify(value);
      // What JSON cannot say, such as undefined, is as good as gone.
      if (text === undefined) continue;
      kept.add(key);
      const isSame = !isNew && typeof old === 'object' && old !== null && old.text === text;
      if (!isSame) found.push('[' + stringify(key) + ',' + text + ']');
    }
    for (const key of before.keys()) {
      if (!kept.has(key)) found.push('[' + stringify(key) + ']');
    }
    return found.length === 0 ? '' : '[' + found.join(',') + ']';
  }

  // The request as Node shows it, as far as extensions look at it; null for a call within the process.
  function describeRequest() {
    const request = parse(native.request());
    if (request === null) return null;
    request.socket = request.connection;
    request.originalUrl = request.url;
    return request;
  }

  // An error as the log shows it.
  function describe(error) {
    try {
      if (typeof error === 'object' && error !== null && hasOwn(error, 'stack')) {
        return (String(error) + '\n' + error.stack).toWellFormed();
      }
      return String(error).toWellFormed();
    } catch {
      return 'an error that cannot be printed';
    }
  }

  return { add, has, remove, call, describe };
})
