// Calls native functions that run for hours and cannot be interrupted, by their number.
const endless = { length: Number.MAX_SAFE_INTEGER };
const long = (count) => 'a'.repeat(count);
const texts = () => [long(6900000) + 'b', long(3450000) + 'c'];
const nested = () => {
  let list = [];
  for (let depth = 0; depth < 60; depth++) list = [list, list];
  return list;
};

const natives = [
  () => { const [text, find] = texts(); return text.includes(find); },
  () => { const [text, find] = texts(); return text.indexOf(find); },
  () => { const [text, find] = texts(); return text.lastIndexOf(find); },
  () => { const [text, find] = texts(); return text.split(find); },
  () => { const [text, find] = texts(); return text.replaceAll(find, ''); },
  () => Array.prototype.join.call(endless, ''),
  () => Array.prototype.concat.call([], { ...endless, [Symbol.isConcatSpreadable]: true }),
  () => Array.prototype.sort.call({ ...endless }),
  () => Array.prototype.lastIndexOf.call(endless, 1),
  () => Array.prototype.forEach.call(endless, Boolean),
  () => nested().flat(Infinity),
  () => new Set(Array.prototype.values.call(endless)),
  () => Array.prototype.values.call(endless).drop(Number.MAX_SAFE_INTEGER - 1).next(),
];

module.exports = {
  incoming(message, callback) {
    if (message.channel === '/count') message.data = natives.length;
    if (message.channel === '/native') natives[message.data]();
    callback(message);
  },
};
