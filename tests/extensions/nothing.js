// Changes nothing, or something beside the data.
module.exports = {
  incoming(message, callback) {
    if (message.channel === '/ext') message.ext = { seen: true };
    if (message.channel === '/replaced') message = Object.assign({ added: 1 }, message);
    callback(message);
  },
  outgoing(message, callback) {
    callback(message);
  },
};
