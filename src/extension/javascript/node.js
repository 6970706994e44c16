// What Node gives to a file: require and its modules, process. Only what extensions use. An argument has the same effect
// as in Node or is an error, and is never ignored.
(function (native, environment, globals, bytes) {
  'use strict';

  const { parse } = JSON;
  const { Buffer, bytesOf, encodingOf, fromHex, isArrayBuffer, toHex } = bytes;

  // createHash and createHmac: `key` is undefined for a plain hash.
  class Hash {
    #algorithm;
    #key;
    #data = '';
    constructor(algorithm, key) {
      this.#algorithm = String(algorithm).toLowerCase().replace('-', '');
      this.#key = key;
      // An unknown algorithm is an error at once, as in Node.
      native.hash(this.#algorithm, key, '');
    }
    update(data, encoding) {
      if (this.#data === null) throw new Error('Digest already called');
      this.#data += toHex(bytesOf(data, encoding, 'data'));
      return this;
    }
    digest(encoding) {
      if (this.#data === null) throw new Error('Digest already called');
      const digest = fromHex(native.hash(this.#algorithm, this.#key, this.#data));
      this.#data = null;
      return !encoding || encoding === 'buffer' ? digest : digest.toString(encoding);
    }
  }

  const crypto = {
    createHash(algorithm, options) {
      if (options && options.outputLength !== undefined) throw new Error('outputLength of createHash is not supported');
      return new Hash(algorithm);
    },
    createHmac(algorithm, key, options) {
      const encoding = options ? options.encoding : undefined;
      return new Hash(algorithm, toHex(bytesOf(isArrayBuffer(key) ? new Uint8Array(key) : key, encoding, 'key')));
    },
    timingSafeEqual(one, other) {
      [one, other] = [one, other].map((value) => {
        if (isArrayBuffer(value)) return new Uint8Array(value);
        if (!ArrayBuffer.isView(value)) throw new TypeError('timingSafeEqual takes two Buffers');
        return bytesOf(value);
      });
      if (one.length !== other.length) throw new RangeError('Input buffers must have the same byte length');
      let difference = 0;
      for (let at = 0; at < one.length; at++) difference |= one[at] ^ other[at];
      return difference === 0;
    },
    randomBytes(size, callback) {
      if (typeof size !== 'number') throw new TypeError('The "size" argument must be of type number');
      if (!(size >= 0)) throw new RangeError('The value of "size" is out of range: ' + size);
      if (callback !== undefined) checkCallback(callback);
      const random = fromHex(native.random(size));
      if (callback === undefined) return random;
      globals.queueMicrotask(() => callback(null, random));
    },
    randomUUID() {
      const random = crypto.randomBytes(16);
      random[6] = (random[6] & 0x0f) | 0x40;
      random[8] = (random[8] & 0x3f) | 0x80;
      return toHex(random).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
  };

  function checkCallback(callback) {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function');
  }

  function checkText(value, name) {
    if (typeof value !== 'string') throw new TypeError('The "' + name + '" argument must be of type string');
  }

  const path = {
    sep: '/',
    normalize(name) {
      checkText(name, 'path');
      const parts = [];
      for (const part of name.split('/')) {
        if (part === '..' && parts.length > 0 && parts[parts.length - 1] !== '..') parts.pop();
        else if (part !== '' && part !== '.' && !(part === '..' && name.startsWith('/'))) parts.push(part);
      }
      const joined = parts.join('/') || (name.startsWith('/') ? '' : '.');
      const end = name.endsWith('/') && (parts.length > 0 || joined === '.') ? '/' : '';
      return (name.startsWith('/') ? '/' : '') + joined + (name === '' ? '' : end);
    },
    join(...names) {
      for (const name of names) checkText(name, 'path');
      return path.normalize(names.filter((name) => name !== '').join('/'));
    },
    resolve(...names) {
      for (const name of names) checkText(name, 'paths');
      const start = names.findLastIndex((name) => name.startsWith('/'));
      const joined = path.join(...(start < 0 ? [native.folder(), ...names] : names.slice(start)));
      return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
    },
    isAbsolute(name) {
      checkText(name, 'path');
      return name.startsWith('/');
    },
    dirname(name) {
      checkText(name, 'path');
      let last = name.length - 1;
      while (last > 0 && name[last] === '/') last--;
      const end = name.lastIndexOf('/', last);
      if (end > 0) return end === 1 && name.startsWith('/') ? '//' : name.slice(0, end);
      return name.startsWith('/') ? '/' : '.';
    },
    basename(name, ending) {
      checkText(name, 'path');
      if (ending !== undefined) checkText(ending, 'suffix');
      const base = name.replace(/\/+$/, '').split('/').pop();
      return ending && base !== ending && base.endsWith(ending) ? base.slice(0, -ending.length) : base;
    },
    extname(name) {
      const base = path.basename(name);
      const at = base.lastIndexOf('.');
      return at > 0 && base !== '..' ? base.slice(at) : '';
    },
  };

  function fileName(name) {
    if (typeof name === 'string') return name;
    if (name instanceof Uint8Array) return Buffer.from(name).toString();
    throw new TypeError('The "path" argument must be a string or a Buffer; file descriptors and URLs are not supported');
  }

  // The encoding of a file that is read; undefined for bytes.
  function readEncoding(options) {
    if (options === undefined || options === null || typeof options === 'function') return undefined;
    if (typeof options === 'string') options = { encoding: options };
    if (typeof options !== 'object') throw new TypeError('The "options" argument must be a string or an object');
    const { encoding, flag, signal } = options;
    if (flag && flag !== 'r' && flag !== 'rs') throw new TypeError('The flag ' + String(flag) + ' is not supported: fs only reads');
    if (signal !== undefined && signal !== null) throw new TypeError('The option signal of fs is not supported');
    return encoding ? encodingOf(encoding) : undefined;
  }

  function read(name, encoding) {
    if (encoding === 'utf8') return native.readText(name);
    const content = new Buffer(native.read(name));
    return encoding === undefined ? content : content.toString(encoding);
  }

  // Reads files in the folder of the extension.
  const fs = {
    readFileSync: (name, options) => read(fileName(name), readEncoding(options)),
    readFile(name, options, callback) {
      if (typeof options === 'function') [options, callback] = [undefined, options];
      checkCallback(callback);
      const encoding = readEncoding(options);
      name = fileName(name);
      let content;
      let error = null;
      try {
        content = read(name, encoding);
      } catch (thrown) {
        error = thrown;
      }
      globals.queueMicrotask(() => callback(error, content));
    },
    existsSync: (name) => (typeof name === 'string' || name instanceof Uint8Array) && native.exists(fileName(name)),
    promises: { readFile: async (name, options) => fs.readFileSync(name, options) },
  };

  const builtin = new Map([['crypto', crypto], ['path', path], ['fs', fs], ['buffer', { Buffer }]]);
  const cache = new Map();

  function makeRequire(folder) {
    return function require(name) {
      const known = builtin.get(String(name).replace(/^node:/, ''));
      if (known) return known;
      return load(native.resolve(folder, String(name)));
    };
  }

  // Runs a file once. Who requires it while it runs gets what it has exported so far, as in Node.
  function load(filename) {
    const cached = cache.get(filename);
    if (cached) return cached.exports;
    const module = { id: filename, filename, path: path.dirname(filename), loaded: false, exports: {}, children: [] };
    cache.set(filename, module);
    let isDone = false;
    try {
      if (filename.endsWith('.json')) {
        try {
          module.exports = parse(native.source(filename));
        } catch (error) {
          throw new SyntaxError(path.basename(filename) + ' is no JSON: ' + error.message);
        }
      } else {
        const require = makeRequire(module.path);
        module.require = require;
        native.compile(filename).call(module.exports, module.exports, require, module, filename, module.path);
      }
      module.loaded = true;
      isDone = true;
    } finally {
      if (!isDone) cache.delete(filename);
    }
    return module.exports;
  }

  globals.global = globals;
  globals.process = {
    env: environment,
    argv: ['faye'],
    platform: 'linux',
    version: '',
    versions: {},
    cwd: () => native.folder(),
    nextTick: (callback, ...values) => globals.queueMicrotask(() => callback(...values)),
    on() {
      return this;
    },
  };

  return { load };
})
