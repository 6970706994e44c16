// Prints as many lines as a message says.
module.exports = {
  incoming(message, callback) {
    if (message.channel === '/flood') {
      for (let line = 0; line < message.data; line++) console.log('line ' + line + ' ' + 'x'.repeat(100));
    }
    callback(message);
  },
};
