// Node's Buffer, as far as extensions use it. An argument has the same effect as in Node or is an error, and is never
// ignored. Bytes cross to the server in hexadecimal.
(function (native, globals) {
  'use strict';

  const { ArrayBuffer, Uint8Array, TypeError, RangeError } = globals;
  const { fromCharCode } = String;
  const { min, trunc } = Math;
  const { isArray } = Array;
  const MOST = 2 ** 32;

  const encodings = new Map([
    ['utf8', 'utf8'], ['utf-8', 'utf8'],
    ['utf16le', 'utf16le'], ['utf-16le', 'utf16le'], ['ucs2', 'utf16le'], ['ucs-2', 'utf16le'],
    ['latin1', 'latin1'], ['binary', 'latin1'], ['ascii', 'ascii'],
    ['hex', 'hex'], ['base64', 'base64'], ['base64url', 'base64url'],
  ]);

  function encodingOf(name) {
    const encoding = encodings.get(String(name).toLowerCase());
    if (encoding === undefined) throw new TypeError('Unknown encoding: ' + String(name));
    return encoding;
  }

  // Encodings that are left out or are not text mean UTF-8 where Node says so.
  function encodingOrUtf8(name) {
    return typeof name === 'string' && name !== '' ? encodingOf(name) : 'utf8';
  }

  function isArrayBuffer(value) {
    return value instanceof ArrayBuffer
      || (globals.SharedArrayBuffer !== undefined && value instanceof globals.SharedArrayBuffer);
  }

  function checkSize(size, name) {
    if (typeof size !== 'number') throw new TypeError('The "' + name + '" argument must be of type number');
    if (!(size >= 0 && size <= MOST)) throw new RangeError('The value of "' + name + '" is out of range: ' + size);
  }

  function checkInteger(size, name, most) {
    checkSize(size, name);
    if (size !== trunc(size) || size > most) throw new RangeError('The value of "' + name + '" is out of range: ' + size);
  }

  function checkBytes(value, name) {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError('The "' + name + '" argument must be an instance of Buffer or Uint8Array');
    }
  }

  class Buffer extends Uint8Array {
    // `new Buffer(text)` is deprecated in Node and still used.
    constructor(value, second, third) {
      if (typeof value === 'number') {
        if (typeof second === 'string') throw new TypeError('The "string" argument must be of type string');
        super(value);
      } else if (isArrayBuffer(value)) {
        super(value, second, third);
      } else {
        return Buffer.from(value, second, third);
      }
    }
    static from(value, second, third) {
      if (typeof value === 'string') return bytesOfText(value, encodingOrUtf8(second));
      if (typeof value === 'object' && value !== null) {
        if (isArrayBuffer(value)) return bytesOfMemory(value, second, third);
        const primitive = value.valueOf && value.valueOf();
        const isOther = primitive !== undefined && primitive !== null && primitive !== value;
        if (isOther && (typeof primitive === 'string' || typeof primitive === 'object')) {
          return Buffer.from(primitive, second, third);
        }
        const list = listOf(value);
        if (list !== undefined) {
          const buffer = new Buffer(list.length > 0 ? list.length : 0);
          if (buffer.length > 0) buffer.set(list);
          return buffer;
        }
        if (typeof value[Symbol.toPrimitive] === 'function') {
          const text = value[Symbol.toPrimitive]('string');
          if (typeof text === 'string') return bytesOfText(text, encodingOrUtf8(second));
        }
      }
      throw new TypeError('The first argument must be a string, a Buffer, an ArrayBuffer, an array or an array-like object');
    }
    static alloc(size, fill, encoding) {
      checkSize(size, 'size');
      const buffer = new Buffer(size);
      return fill === undefined || fill === 0 || size === 0 ? buffer : fillWith(buffer, fill, 0, buffer.length, encoding);
    }
    static isBuffer(value) {
      return value instanceof Buffer;
    }
    static isEncoding(name) {
      return typeof name === 'string' && encodings.has(name.toLowerCase());
    }
    static byteLength(value, encoding) {
      if (typeof value !== 'string') {
        if (ArrayBuffer.isView(value) || isArrayBuffer(value)) return value.byteLength;
        throw new TypeError('The "string" argument must be a string, a Buffer or an ArrayBuffer');
      }
      switch (encodingOrUtf8(encoding)) {
        case 'latin1':
        case 'ascii':
          return value.length;
        case 'utf16le':
          return 2 * value.length;
        case 'hex':
          return value.length >>> 1;
        case 'base64':
        case 'base64url':
          // Node does not look at the other characters.
          return (3 * (value.length - (value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0))) >>> 2;
        default:
          return bytesOfText(value, 'utf8').length;
      }
    }
    static concat(list, length) {
      if (!isArray(list)) throw new TypeError('The "list" argument must be an instance of Array');
      list.forEach((part, at) => checkBytes(part, 'list[' + at + ']'));
      if (list.length === 0) return new Buffer(0);
      if (length === undefined) length = list.reduce((total, part) => total + part.length, 0);
      else checkInteger(length, 'length', MOST);
      const all = new Buffer(length);
      let at = 0;
      for (const part of list) {
        all.set(part.length > length - at ? part.subarray(0, length - at) : part, at);
        at = min(length, at + part.length);
      }
      return all;
    }
    equals(other) {
      checkBytes(other, 'otherBuffer');
      return this.length === other.length && this.every((byte, at) => byte === other[at]);
    }
    // Shares the memory, unlike the function of Uint8Array.
    slice(start, end) {
      return this.subarray(start, end);
    }
    fill(value, offset, end, encoding) {
      if (typeof value === 'string') {
        if (typeof offset === 'string') [encoding, offset, end] = [offset, undefined, undefined];
        else if (typeof end === 'string') [encoding, end] = [end, undefined];
      }
      if (offset === undefined) [offset, end] = [0, undefined];
      checkInteger(offset, 'offset', MOST);
      if (end === undefined) end = this.length;
      else checkInteger(end, 'end', this.length);
      return fillWith(this, value, offset, end, encoding);
    }
    indexOf(value, offset, encoding) {
      return find(this, value, offset, encoding, true);
    }
    lastIndexOf(value, offset, encoding) {
      return find(this, value, offset, encoding, false);
    }
    includes(value, offset, encoding) {
      return this.indexOf(value, offset, encoding) !== -1;
    }
    toString(encoding, start, end) {
      const { length } = this;
      if (start <= 0) start = 0;
      else if (start >= length) return '';
      else start = trunc(start) || 0;
      end = end === undefined || end > length ? length : trunc(end) || 0;
      if (end <= start) return '';
      return textOf(this.subarray(start, end), encoding === undefined ? 'utf8' : encodingOf(encoding));
    }
    toLocaleString(encoding, start, end) {
      return this.toString(encoding, start, end);
    }
    toJSON() {
      return { type: 'Buffer', data: Array.from(this) };
    }
  }

  function bytesOfText(text, encoding) {
    if (encoding === 'latin1' || encoding === 'ascii') {
      const bytes = new Buffer(text.length);
      for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
      return bytes;
    }
    if (encoding === 'utf16le') {
      const bytes = new Buffer(2 * text.length);
      for (let at = 0; at < text.length; at++) {
        bytes[2 * at] = text.charCodeAt(at);
        bytes[2 * at + 1] = text.charCodeAt(at) >> 8;
      }
      return bytes;
    }
    return fromHex(native.decode(text.toWellFormed(), encoding));
  }

  function textOf(bytes, encoding) {
    if (encoding !== 'utf16le') return native.encode(toHex(bytes), encoding);
    let text = '';
    for (let at = 0; at + 1 < bytes.length; at += 2) text += fromCharCode(bytes[at] | (bytes[at + 1] << 8));
    return text;
  }

  function bytesOfMemory(memory, offset, length) {
    offset = offset === undefined ? 0 : +offset || 0;
    const rest = memory.byteLength - offset;
    if (rest < 0) throw new RangeError('"offset" is outside of buffer bounds');
    length = length === undefined ? rest : +length;
    if (length > rest) throw new RangeError('"length" is outside of buffer bounds');
    return new Buffer(memory, offset, length > 0 ? length : 0);
  }

  // The elements of an object that Buffer.from takes; undefined if it has none.
  function listOf(value) {
    if (value.length !== undefined || isArrayBuffer(value.buffer)) return typeof value.length === 'number' ? value : [];
    return value.type === 'Buffer' && isArray(value.data) ? value.data : undefined;
  }

  // The bytes in the memory of a view, whatever its elements are.
  function bytesOfView(view) {
    return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }

  function fillWith(buffer, value, start, end, encoding) {
    let pattern;
    if (typeof value === 'string') {
      if (encoding !== undefined && encoding !== null && typeof encoding !== 'string') {
        throw new TypeError('The "encoding" argument must be of type string');
      }
      const isEmpty = value === '';
      pattern = bytesOfText(value, encodingOrUtf8(encoding));
      if (isEmpty) pattern = [0];
    } else {
      pattern = ArrayBuffer.isView(value) ? bytesOfView(value) : [value & 255];
    }
    if (start >= end) return buffer;
    if (pattern.length === 0) throw new TypeError('The argument "value" is invalid: it has no bytes');
    for (let at = start; at < end; at++) buffer[at] = pattern[(at - start) % pattern.length];
    return buffer;
  }

  function find(buffer, value, offset, encoding, isForward) {
    if (typeof offset === 'string') [encoding, offset] = [offset, undefined];
    const { length } = buffer;
    offset = trunc(+offset);
    if (offset !== offset) offset = isForward ? 0 : length;
    let wanted;
    if (typeof value === 'number') {
      wanted = [value & 255];
    } else {
      const name = encoding === undefined ? 'utf8' : encodingOf(encoding);
      if (name === 'utf16le') throw new TypeError('Searching a Buffer for utf16le is not supported');
      if (typeof value === 'string') wanted = bytesOfText(value, name);
      else if (value instanceof Uint8Array) wanted = value;
      else throw new TypeError('The "value" argument must be a number, a string, a Buffer or a Uint8Array');
    }
    if (offset < 0 && offset + length >= 0) offset += length;
    else if (offset < 0 && (isForward || wanted.length === 0)) offset = 0;
    if (wanted.length === 0) return length === 0 ? -1 : min(offset, length);
    const last = length - wanted.length;
    const step = isForward ? 1 : -1;
    for (let at = isForward ? offset : min(offset, last); at >= 0 && at <= last; at += step) {
      let matched = 0;
      while (matched < wanted.length && buffer[at + matched] === wanted[matched]) matched++;
      if (matched === wanted.length) return at;
    }
    return -1;
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

  // The bytes of a string or a view; `what` is the name of the argument in an error.
  function bytesOf(value, encoding, what) {
    if (typeof value === 'string') return bytesOfText(value, encodingOrUtf8(encoding));
    if (ArrayBuffer.isView(value)) return bytesOfView(value);
    throw new TypeError('The "' + what + '" argument must be a string, a Buffer, a TypedArray or a DataView');
  }

  globals.Buffer = Buffer;
  return { Buffer, bytesOf, encodingOf, fromHex, isArrayBuffer, toHex };
})
