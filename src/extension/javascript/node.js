// What Node gives to a file: require and its modules, process, Buffer. Only what extensions use.
(function (native, environment, globals) {
  'use strict';

  const { parse } = JSON;

  // Bytes. They cross to the server in hexadecimal.
  class Buffer extends Uint8Array {
    static from(value, encoding) {
      if (typeof value === 'string') return fromHex(native.decode(value.toWellFormed(), encodingName(encoding)));
      if (value instanceof ArrayBuffer) return new Buffer(value);
      if (value === null || typeof value !== 'object') throw new TypeError('Buffer.from takes a string, an array or bytes');
      const buffer = new Buffer(value.length);
      buffer.set(value);
      return buffer;
    }
    static alloc(size, fill) {
      const buffer = new Buffer(size);
      return fill === undefined ? buffer : buffer.fill(fill);
    }
    static isBuffer(value) {
      return value instanceof Buffer;
    }
    static byteLength(value, encoding) {
      return typeof value === 'string' ? Buffer.from(value, encoding).length : value.byteLength;
    }
    static concat(list) {
      const all = new Buffer(list.reduce((total, part) => total + part.length, 0));
      let at = 0;
      for (const part of list) {
        all.set(part, at);
        at += part.length;
      }
      return all;
    }
    equals(other) {
      return this.length === other.length && this.every((byte, at) => byte === other[at]);
    }
    toString(encoding) {
      return native.encode(toHex(this), encodingName(encoding));
    }
    toJSON() {
      return { type: 'Buffer', data: Array.from(this) };
    }
  }

  function encodingName(encoding) {
    return encoding === undefined || encoding === null ? 'utf8' : String(encoding).toLowerCase();
  }

  function fromHex(text) {
    const buffer = new Buffer(text.length / 2);
    for (let at = 0; at < buffer.length; at++) buffer[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
    return buffer;
  }

  function toHex(bytes) {
    let text = '';
    for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16);
    return text;
  }

  function bytesOf(value, encoding) {
    if (typeof value !== 'string' && !ArrayBuffer.isView(value)) throw new TypeError('a string or bytes are needed');
    return Buffer.from(value, encoding);
  }

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
      this.#data += toHex(bytesOf(data, encoding));
      return this;
    }
    digest(encoding) {
      if (this.#data === null) throw new Error('Digest already called');
      const digest = fromHex(native.hash(this.#algorithm, this.#key, this.#data));
      this.#data = null;
      return encoding === undefined || encoding === 'buffer' ? digest : digest.toString(encoding);
    }
  }

  const crypto = {
    createHash: (algorithm) => new Hash(algorithm),
    createHmac: (algorithm, key) => new Hash(algorithm, toHex(bytesOf(key))),
    timingSafeEqual(one, other) {
      if (!ArrayBuffer.isView(one) || !ArrayBuffer.isView(other)) throw new TypeError('timingSafeEqual takes two Buffers');
      if (one.byteLength !== other.byteLength) throw new RangeError('Input buffers must have the same byte length');
      let difference = 0;
      for (let at = 0; at < one.length; at++) difference |= one[at] ^ other[at];
      return difference === 0;
    },
    randomBytes(size, callback) {
      const bytes = fromHex(native.random(size));
      if (typeof callback !== 'function') return bytes;
      globals.queueMicrotask(() => callback(null, bytes));
    },
    randomUUID() {
      const bytes = crypto.randomBytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
  };

  const path = {
    sep: '/',
    normalize(name) {
      const parts = [];
      for (const part of name.split('/')) {
        if (part === '..' && parts.length > 0 && parts[parts.length - 1] !== '..') parts.pop();
        else if (part !== '' && part !== '.' && !(part === '..' && name.startsWith('/'))) parts.push(part);
      }
      return (name.startsWith('/') ? '/' : '') + parts.join('/') || '.';
    },
    join: (...names) => path.normalize(names.filter((name) => name !== '').join('/')),
    resolve(...names) {
      const start = names.findLastIndex((name) => name.startsWith('/'));
      return path.join(...(start < 0 ? [native.folder(), ...names] : names.slice(start)));
    },
    isAbsolute: (name) => name.startsWith('/'),
    dirname: (name) => path.normalize(name).replace(/\/?[^/]*$/, '') || (name.startsWith('/') ? '/' : '.'),
    basename(name, ending) {
      const base = path.normalize(name).split('/').pop();
      return ending && base !== ending && base.endsWith(ending) ? base.slice(0, -ending.length) : base;
    },
    extname: (name) => (/[^.](\.[^.]*)$/.exec(path.basename(name)) || ['', ''])[1],
  };

  // Reading is all there is, in the folder of the extension.
  const fs = {
    readFileSync(name, options) {
      const text = native.read(String(name));
      const encoding = typeof options === 'string' ? options : options && options.encoding;
      return encoding ? text : Buffer.from(text);
    },
    readFile(name, options, callback) {
      if (typeof options === 'function') [options, callback] = [undefined, options];
      let content;
      let error = null;
      try {
        content = fs.readFileSync(name, options);
      } catch (thrown) {
        error = thrown;
      }
      globals.queueMicrotask(() => callback(error, content));
    },
    existsSync: (name) => native.exists(String(name)),
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

  globals.Buffer = Buffer;
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
