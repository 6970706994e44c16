// Prints.
console.log('loaded', { a: 1 }, null);

module.exports = {
  incoming(message, callback) {
    if (message.channel === '/print') {
      console.warn('printed\nby', message.data);
      console.error('x'.repeat(100000) + 'end');
    }
    callback(message);
  },
};
