// Shows what an extension is told of the request.
module.exports = {
  incoming(message, request, callback) {
    if (message.channel === '/request') {
      const { method, url, headers, connection, socket } = request;
      const isAddress = connection.remoteAddress === '127.0.0.1' && socket.remoteAddress === '127.0.0.1';
      message.data = { method, url, agent: headers['user-agent'], cookie: headers.cookie, isAddress };
    }
    callback(message);
  },
  outgoing(message, request, callback) {
    if (message.channel !== '/request') return callback(message);
    if ('successful' in message) message.ext = { request: request.method };
    else {
      const { method, url, originalUrl, headers, connection, socket } = request;
      const address = connection.remoteAddress ?? socket.remoteAddress ?? null;
      message.ext = { request: { method, url, originalUrl, headers, address, encrypted: connection.encrypted } };
    }
    callback(message);
  },
};
