// Several files, one of JSON, and two that require each other.
const { join } = require('node:path');
const first = require('./lib/first');
const again = require('./lib/../lib/first.js');
const tokens = require('./tokens');

module.exports = [
  {
    incoming(message, callback) {
      if (message.channel === '/neighbours') {
        let outside = 'found';
        try {
          require('../support/mod.rs');
        } catch (error) {
          outside = error.message;
        }
        message.data = {
          tokens: Object.keys(tokens),
          name: first.name,
          second: first.second.name,
          seen: first.second.seen,
          isSame: first === again,
          file: __filename === join(__dirname, 'neighbours.js') && module.filename === __filename,
          isExports: this !== exports,
          outside,
        };
      }
      callback(message);
    },
  },
  {
    incoming(message, callback) {
      if (message.channel === '/neighbours') message.data.order = 'second';
      callback(message);
    },
  },
];
