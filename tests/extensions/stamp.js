// Marks each reply to a connect with what happened before it left.
let marks = 0;
const begun = {};
const waiting = [];

module.exports = {
  incoming(message, callback) {
    if (message.channel === '/mark') marks++;
    if (message.channel === '/release') waiting.splice(0).forEach((call) => call());
    if (message.channel === '/meta/connect' && message.id) begun[message.id] = Date.now();
    callback(message);
  },
  outgoing(message, callback) {
    if (message.channel !== '/meta/connect') return callback(message);
    message.ext = { marks, held: Date.now() - begun[message.id] };
    if (message.id === 'slow') return waiting.push(() => callback(message));
    // Replies may wait for a service.
    setTimeout(() => callback(message), 5);
  },
};
