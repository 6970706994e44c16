// What stands between the server and the extensions of one file: it hands them messages as Faye's server does
// (src/protocol/extensible.js there), and tells the server what they changed. It knows no file and no timer.
(function (native) {
  'use strict';

  // An extension may replace what is global.
  const { parse, stringify } = JSON;
  const { keys, hasOwn } = Object;

  let extensions = [];

  // What `added` and `removed` are handed.
  const server = {
    addExtension(extension) {
      extensions = [...extensions, extension];
      if (extension.added) extension.added(server);
    },
    removeExtension(extension) {
      const at = extensions.lastIndexOf(extension);
      if (at < 0) return;
      extensions = extensions.toSpliced(at, 1);
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
    for (const extension of extensions) server.removeExtension(extension);
  }

  // Runs a message through the extensions of the file. The answer is given by `native.answer`. Nothing here refers to
  // itself, so that all of it is given back at once and not by the collector.
  function call(id, stage, text) {
    // A list is never changed, so extensions that come or go do not concern messages that are on their way.
    const task = { id, stage, text, list: extensions, request: null };
    // The request is at hand only now.
    if (extensions.some((extension) => takesRequest(extension[stage]))) task.request = describeRequest();
    pipe(task, 0, parse(text));
  }

  function takesRequest(run) {
    return typeof run === 'function' && run.length >= 3;
  }

  function pipe(task, at, message) {
    if (!message) return native.answer(task.id, 0, '');
    try {
      const { stage, list } = task;
      while (at < list.length && !list[at][stage]) at++;
      if (at === list.length) return settle(task, message);
      const extension = list[at];
      let isCalled = false;
      const callback = (next) => {
        if (isCalled) return native.repeat();
        isCalled = true;
        pipe(task, at + 1, next);
      };
      const returned = takesRequest(extension[stage])
        ? extension[stage](message, task.request, callback)
        : extension[stage](message, callback);
      // An async function that fails says so here.
      if (returned && typeof returned.then === 'function') returned.then(undefined, (error) => fail(task, error));
    } catch (error) {
      fail(task, error);
    }
  }

  function settle(task, after) {
    if (typeof after !== 'object' || Array.isArray(after)) {
      throw new TypeError('it called back with what is no message');
    }
    // Most clients write as JavaScript does, so mostly this is all there is to compare.
    if (stringify(after) === task.text) return native.answer(task.id, 1, '');
    const text = changes(parse(task.text), after);
    native.answer(task.id, text === '' ? 1 : 2, text);
  }

  function fail(task, error) {
    native.fail(task.id, describe(error));
  }

  // What is not as it was: `["key",value]` for a field that was changed or added, `["key"]` for one that is gone.
  function changes(before, after) {
    const found = [];
    for (const key of keys(after)) {
      const text = stringify(after[key]);
      // What JSON cannot say, such as undefined, is as good as gone.
      if (text === undefined) continue;
      if (!hasOwn(before, key) || stringify(before[key]) !== text) found.push('[' + stringify(key) + ',' + text + ']');
    }
    for (const key of keys(before)) {
      const isThere = hasOwn(after, key) && stringify(after[key]) !== undefined;
      if (!isThere) found.push('[' + stringify(key) + ']');
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
      if (typeof error === 'object' && error !== null && typeof error.stack === 'string') {
        return (String(error) + '\n' + error.stack).toWellFormed();
      }
      return String(error).toWellFormed();
    } catch {
      return 'an error that cannot be printed';
    }
  }

  return { add, has, remove, call, describe };
})
