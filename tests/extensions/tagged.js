// Tags what is published, and says by which URL it is received; what Faye's own tests use does the same.
module.exports = {
  incoming(message, callback) {
    if (message.data) message.data.tagged = true;
    callback(message);
  },
  outgoing(message, request, callback) {
    if (message.data) message.data.url = request.url;
    callback(message);
  },
};
