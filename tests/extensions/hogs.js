// Uses up memory in the way that a message names by its number.
const kept = [];

const hogs = [
  (keep) => { let text = 'x'; for (;;) keep(text += text + 'é'); },
  (keep) => { for (let n = 0; ; n++) keep({ n, text: 'text ' + n, inner: [n, { n }] }); },
  (keep) => { const map = new Map(); keep(map); for (let n = 0; ; n++) map.set('key ' + n, () => n); },
  (keep) => { const all = []; keep(all); for (;;) all.push(JSON.stringify(all)); },
  (keep) => { for (let n = 1024; ; n *= 2) keep(new Uint8Array(n)); },
  (keep) => { for (let n = 0; ; n++) keep(Promise.resolve(n).then(() => keep(n))); },
  (keep) => { for (;;) keep(Buffer.from('text').toString('hex')); },
  (keep) => { for (let n = 0; ; n++) keep(new RegExp('(a|b|c){1,' + (n % 200 + 1) + '}x' + n)); },
  (keep) => { for (;;) keep(new Error('an error with a stack')); },
  (keep) => { const text = '[' + '1,'.repeat(20000) + '1]'; for (;;) keep(JSON.parse(text)); },
  (keep) => { for (let n = 0; ; n++) keep(Symbol('symbol ' + n)); },
  (keep) => { for (;;) { try { for (;;) keep({ a: {} }); } catch { keep([1]); } } },
  (keep) => { for (let n = 0; ; n++) keep(eval('(function f' + n + '() { return ' + n + '; })')); },
  (keep) => { const object = {}; keep(object); for (let n = 0; ; n++) object['property ' + n] = n; },
  (keep) => { keep(new Array(1e6).fill('x').join('y'.repeat(1000))); },
  (keep) => { function* all() { for (let n = 0; ; n++) yield [n, n]; } keep([...all()]); },
  (keep) => { for (let n = 0; ; n++) { setTimeout(() => {}, 1e9); if (n % 900 === 0) keep(new Array(1000).fill({})); } },
  (keep) => { const deep = (n) => { keep([n]); return deep(n + 1) + 1; }; for (;;) { try { deep(0); } catch { keep('deep'); } } },
  (keep) => { keep('x'.repeat(2 ** 29)); for (;;) keep('y'.repeat(1e6).split('')); },
  (keep) => { for (;;) console.log(keep('z'.repeat(1e5))); },
];

module.exports = {
  incoming(message, callback) {
    if (message.channel !== '/hog') return callback(message);
    const { number, isKept } = message.data;
    const here = [];
    hogs[number]((value) => { (isKept ? kept : here).push(value); });
    callback(message);
  },
};

module.exports.count = hogs.length;
