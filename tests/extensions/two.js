module.exports = {
  incoming(message, callback) {
    if (message.channel === '/order') message.data.push('two in');
    callback(message);
  },
  outgoing(message, callback) {
    if (message.channel === '/order' && message.data) message.data.push('two out');
    callback(message);
  },
};
