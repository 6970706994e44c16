module.exports = {
  incoming(message, callback) {
    if (message.channel === '/order') message.data.push('one in');
    callback(message);
  },
  outgoing(message, callback) {
    if (message.channel === '/order' && message.data) message.data.push('one out');
    callback(message);
  },
};
