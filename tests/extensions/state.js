// Counts, in a variable and in itself.
let count = 0;

module.exports = {
  count: 0,
  added(server) {
    console.log('added', typeof server.addExtension);
  },
  removed() {
    console.log('removed after', count);
  },
  incoming(message, callback) {
    if (message.channel === '/count') message.data = [++count, ++this.count];
    callback(message);
  },
};
