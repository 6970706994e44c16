// Evaluates expressions with Buffer, crypto, fs and path and reports the results that differ from Node's. The expected
// values are Node's: tests/compat/clients/extension-files.test.mjs runs this file in Node.
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { join } = path;

const bytes = (...list) => new Uint8Array(list);
const file = join(__dirname, 'bytes.bin');
const marked = join(__dirname, 'marked.txt');
const sha256 = (data, encoding) => crypto.createHash('sha256').update(data, encoding).digest('hex').slice(0, 8);

const cases = [
  // Ranges and encodings of toString.
  [() => Buffer.from('hello').toString('utf8', 0, 2), 'he'],
  [() => Buffer.from('hello').toString(undefined, 1), 'ello'],
  [() => Buffer.from('hello').toString('utf8', -1, 2.9), 'he'],
  [() => Buffer.from('hello').toString('hex', '1', '3'), '656c'],
  [() => Buffer.from('hello').toString('base64', 3, 99), 'bG8='],
  [() => Buffer.from('hello').toString('utf8', 9), ''],
  [() => Buffer.from('hello').toString('utf8', 0, -1), ''],
  [() => Buffer.from('abc').toLocaleString('hex'), '616263'],
  [() => Buffer.from([200, 65]).toString('ascii'), 'HA'],
  [() => Buffer.from([200, 65]).toString('binary'), '\xc8A'],
  [() => Buffer.from('61003dd800', 'hex').toString('ucs2'), 'a\ud83d'],
  [() => Buffer.from('ab').toString('nope'), 'TypeError'],
  [() => Buffer.from('ab').toString(null), 'TypeError'],

  // Sources and encodings of from.
  [() => Buffer.from('a', 123).toString('hex'), '61'],
  [() => Buffer.from('a', 'nope'), 'TypeError'],
  [() => Buffer.from('é€😀', 'latin1').toString('hex'), 'e9ac3d00'],
  [() => Buffer.from('é€😀', 'ascii').toString('hex'), 'e9ac3d00'],
  [() => Buffer.from('a😀\ud800', 'utf16le').toString('hex'), '61003dd800de00d8'],
  [() => Buffer.from('a\ud800b').toString('hex'), '61efbfbd62'],
  [() => Buffer.from('abc', 'hex').toString('hex'), 'ab'],
  [() => Buffer.from('aG!Vs\u20acbG8', 'base64').toString(), 'hello'],
  [() => Buffer.from('YQ==YQ==', 'base64').toString(), 'a'],
  [() => Buffer.from('aGV-_8', 'base64').toString('hex'), '68657eff'],
  [() => Buffer.from(bytes(1, 2, 3, 4).buffer, 1, 2).toString('hex'), '0203'],
  [() => Buffer.from(bytes(1, 2, 3, 4).buffer, '1').toString('hex'), '020304'],
  [() => Buffer.from(new ArrayBuffer(2), 3), 'RangeError'],
  [() => Buffer.from(new ArrayBuffer(4), 1, 9), 'RangeError'],
  [() => Buffer.from(new Uint16Array([97, 353])).toString('hex'), '6161'],
  [() => Buffer.from(JSON.parse(JSON.stringify(Buffer.from('a')))).toString(), 'a'],
  [() => Buffer.from({ length: 2, 0: 97, 1: 98 }).toString(), 'ab'],
  [() => Buffer.from(new String('ab')).toString(), 'ab'],
  [() => Buffer.from({ [Symbol.toPrimitive]: () => 'y' }).toString(), 'y'],
  [() => Buffer.from({}), 'TypeError'],
  [() => Buffer.from(5), 'TypeError'],
  [() => Buffer.from(null), 'TypeError'],
  [() => new Buffer('YQ==', 'base64').toString(), 'a'],
  [() => new Buffer([97]).toString(), 'a'],
  [() => new Buffer(3).length, 3],
  [() => new Buffer(3, 'utf8'), 'TypeError'],
  [() => new Buffer(undefined), 'TypeError'],

  // slice and subarray share memory.
  [() => { const all = Buffer.from('abc'); all.slice(1)[0] = 120; return all.toString(); }, 'axc'],
  [() => { const all = Buffer.from('abc'); all.subarray(1)[0] = 120; return all.toString(); }, 'axc'],
  [() => Buffer.from('abcd').slice(-3, -1).toString(), 'bc'],
  [() => Buffer.from('abcd').subarray('1').toString(), 'bcd'],
  [() => Buffer.isBuffer(Buffer.from('abc').slice(1)), true],

  // alloc, fill, concat, byteLength, equals.
  [() => Buffer.alloc(5, 'ab').toString(), 'ababa'],
  [() => Buffer.alloc(3, 'YQ==', 'base64').toString(), 'aaa'],
  [() => Buffer.alloc(2, 257).toString('hex'), '0101'],
  [() => Buffer.alloc(2, '').toString('hex'), '0000'],
  [() => Buffer.alloc(2, 'zz', 'hex'), 'TypeError'],
  [() => Buffer.alloc('3'), 'TypeError'],
  [() => Buffer.alloc(-1), 'RangeError'],
  [() => Buffer.from('abcdef').fill('x', 1, 3).toString(), 'axxdef'],
  [() => Buffer.from('abcdef').fill('6162', 'hex').toString(), 'ababab'],
  [() => Buffer.from('abcdef').fill('6162', 2, 'hex').toString(), 'ababab'],
  [() => Buffer.from('abcdef').fill('é', 0, 3, 'latin1').toString('hex'), 'e9e9e9646566'],
  [() => Buffer.from('abcdef').fill(Buffer.from('xy'), 3).toString(), 'abcxyx'],
  [() => Buffer.from('abc').fill(new Uint16Array([0x6161])).toString(), 'aaa'],
  [() => Buffer.from('abc').fill(120, 2, 1).toString(), 'abc'],
  [() => Buffer.from('abc').fill('a', 'nope'), 'TypeError'],
  [() => Buffer.from('abc').fill('x', -1), 'RangeError'],
  [() => Buffer.from('abc').fill('x', 1, 9), 'RangeError'],
  [() => Buffer.concat([Buffer.from('ab'), bytes(99, 100)], 3).toString(), 'abc'],
  [() => Buffer.concat([Buffer.from('ab')], 3).toString('hex'), '616200'],
  [() => Buffer.concat([Buffer.from('ab')], -1), 'RangeError'],
  [() => Buffer.concat([Buffer.from('ab')], '1'), 'TypeError'],
  [() => Buffer.concat([1]), 'TypeError'],
  [() => Buffer.concat('ab'), 'TypeError'],
  [() => Buffer.byteLength('a😀', 'utf16le'), 6],
  [() => Buffer.byteLength('é', 'latin1'), 1],
  [() => Buffer.byteLength('abc', 'hex'), 1],
  [() => Buffer.byteLength('YQ==', 'base64'), 1],
  [() => Buffer.byteLength(new ArrayBuffer(2)), 2],
  [() => Buffer.byteLength(5), 'TypeError'],
  [() => Buffer.isEncoding('BASE64'), true],
  [() => Buffer.isEncoding('nope'), false],
  [() => Buffer.from('a').equals(bytes(97)), true],
  [() => Buffer.from('a').equals('a'), 'TypeError'],

  // indexOf, lastIndexOf, includes.
  [() => Buffer.from('abcabc').indexOf('bc'), 1],
  [() => Buffer.from('abcabc').indexOf('bc', 2), 4],
  [() => Buffer.from('abcabc').indexOf('c', -1), 5],
  [() => Buffer.from('abcabc').indexOf(Buffer.from('ca')), 2],
  [() => Buffer.from('abcabc').indexOf(256 + 98), 1],
  [() => Buffer.from('abcabc').indexOf('6263', 2, 'hex'), 4],
  [() => Buffer.from('abcabc').indexOf('6263', 'hex'), 1],
  [() => Buffer.from('abcabc').indexOf('', 9), 6],
  [() => Buffer.from('abcabc').indexOf('a', 0, 'nope'), 'TypeError'],
  [() => Buffer.from('abcabc').indexOf({}), 'TypeError'],
  [() => Buffer.from('abcabc').lastIndexOf('bc'), 4],
  [() => Buffer.from('abcabc').lastIndexOf('bc', 3), 1],
  [() => Buffer.from('abcabc').lastIndexOf('a', -4), 0],
  [() => Buffer.from('abcabc').lastIndexOf('a', null), 0],
  [() => Buffer.from('abc').lastIndexOf('a', -9), -1],
  [() => Buffer.from('abc').lastIndexOf('', 1), 1],
  [() => Buffer.from('abcabc').includes('ca'), true],
  [() => Buffer.from('abc').includes('b', 2), false],

  // crypto.
  [() => crypto.createHash('sha256').update('a').digest(null).length, 32],
  [() => crypto.createHash('sha256').update('a').digest('utf16le').length, 16],
  [() => crypto.createHash('sha256').update('a').digest('BASE64').length, 44],
  [() => crypto.createHash('sha256', { outputLength: 16 }), 'Error'],
  [() => sha256('61', 'hex'), 'ca978112'],
  [() => sha256(new Uint16Array([1])), '47dc540c'],
  [() => sha256(new DataView(new ArrayBuffer(1))), '6e340b9c'],
  [() => sha256(new ArrayBuffer(1)), 'TypeError'],
  [() => crypto.createHmac('sha256', '61', { encoding: 'hex' }).digest('hex').slice(0, 8), '3acdaa86'],
  [() => crypto.createHmac('sha256', new ArrayBuffer(1)).digest('hex').slice(0, 8), 'b613679a'],
  [() => crypto.timingSafeEqual(new DataView(new ArrayBuffer(1)), bytes(1)), false],
  [() => crypto.timingSafeEqual(new ArrayBuffer(1), bytes(0)), true],
  [() => crypto.timingSafeEqual('a', 'a'), 'TypeError'],
  [() => crypto.randomBytes(1.5).length, 1],
  [() => crypto.randomBytes(-1), 'RangeError'],
  [() => crypto.randomBytes('4'), 'TypeError'],
  [() => crypto.randomBytes(4, 'x'), 'TypeError'],

  // Files: a byte that is not UTF-8, and a byte order mark.
  [() => Buffer.isBuffer(fs.readFileSync(file)), true],
  [() => fs.readFileSync(file).toString('hex'), 'ff'],
  [() => fs.readFileSync(Buffer.from(file), {}).toString('hex'), 'ff'],
  [() => fs.readFileSync(file, { encoding: null, flag: 'r' }).toString('hex'), 'ff'],
  [() => fs.readFileSync(file, 'utf8'), '\ufffd'],
  [() => fs.readFileSync(file, 'latin1'), '\xff'],
  [() => fs.readFileSync(file, { encoding: 'hex' }), 'ff'],
  [() => fs.readFileSync(marked, 'utf8'), '\ufeffé'],
  [() => fs.readFileSync(marked, 'base64'), '77u/w6k='],
  [() => fs.readFileSync(file, 'nope'), 'TypeError'],
  [() => fs.readFileSync(file, 'buffer'), 'TypeError'],
  [() => fs.readFileSync(file, 5), 'TypeError'],
  [() => fs.readFileSync({}), 'TypeError'],
  [() => fs.readFile(file), 'TypeError'],
  [() => fs.existsSync(file), true],
  [() => fs.existsSync(5), false],

  // path.
  [() => path.join('a', undefined), 'TypeError'],
  [() => path.basename('a.js', '.js'), 'a'],
  [() => path.basename('a.js', 5), 'TypeError'],
  [() => path.normalize('a//b/../c/'), 'a/c/'],
  [() => path.normalize('/../a/./b'), '/a/b'],
  [() => path.normalize(''), '.'],
  [() => path.join('a', 'b/'), 'a/b/'],
  [() => path.join('', ''), '.'],
  [() => path.resolve('/a', 'b/', './c/'), '/a/b/c'],
  [() => path.resolve('/a', 5), 'TypeError'],
  [() => path.isAbsolute({ startsWith: () => true }), 'TypeError'],
  [() => path.dirname('a/../b'), 'a/..'],
  [() => path.dirname('a/b/'), 'a'],
  [() => path.dirname('/a'), '/'],
  [() => path.dirname('a'), '.'],
  [() => path.basename('a/..'), '..'],
  [() => path.basename('/'), ''],
  [() => path.extname('a/.b'), ''],
  [() => path.extname('a.b/'), '.b'],
  [() => path.extname('a..'), '.'],
];

// What Node supports and the server refuses.
const refused = [
  () => fs.readFileSync(file, { flag: 'a+' }),
  () => fs.readFile(file, { signal: {} }, () => {}),
  () => Buffer.from('ab').indexOf('a', 0, 'utf16le'),
  () => crypto.createHash('sha256', { outputLength: 32 }),
  () => fetch('http://127.0.0.1', { redirect: 'follow' }),
  () => fetch('http://127.0.0.1', { signal: {} }),
  () => fetch('http://127.0.0.1', { method: 'POST', body: bytes(255) }),
];

function differences() {
  return cases.flatMap(([run, expected]) => {
    let result;
    try {
      result = run();
    } catch (error) {
      result = error.name;
    }
    return result === expected ? [] : [`${run}: ${JSON.stringify(result)}`];
  });
}

function unsupported() {
  return Promise.all(refused.map(async (run) => {
    try {
      return String(await run());
    } catch (error) {
      return error.message;
    }
  }));
}

module.exports = {
  cases: cases.length,
  differences,
  async incoming(message, callback) {
    if (message.channel === '/bytes') {
      message.data = { cases: cases.length, differences: differences(), unsupported: await unsupported() };
    }
    if (message.channel === '/file') message.data = await fs.promises.readFile(file);
    callback(message);
  },
};
