// Merges what clients send into objects, as carelessly as can be.
function merge(target, source) {
  for (const key of Object.keys(source)) {
    if (typeof source[key] === 'object' && source[key] !== null) {
      target[key] = merge(target[key] || {}, source[key]);
    } else {
      target[key] = source[key];
    }
  }
  return target;
}

module.exports = {
  incoming(message, callback) {
    const user = merge({}, message);
    const assigned = Object.assign({}, message.data);
    if (message.channel === '/check') {
      message.data = { polluted: ({}).polluted === undefined ? 'no' : 'yes', admin: Boolean(user.isAdmin || assigned.isAdmin) };
    }
    callback(message);
  },
};
