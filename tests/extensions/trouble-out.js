// Fails on the way out.
module.exports = {
  outgoing(message, callback) {
    if (message.data === 'fails') throw new Error('on the way out');
    if (message.channel === '/reply-fails' && 'successful' in message) throw new Error('with the reply');
    if (message.channel === '/reply-dropped' && 'successful' in message) return callback(null);
    if ('successful' in message) message.ext = { seen: message.channel };
    callback(message);
  },
};
