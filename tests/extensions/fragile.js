// Cannot be loaded while a file is beside it.
const fs = require('fs');

if (fs.existsSync('broken')) throw new Error('broken on purpose');

module.exports = {
  incoming(message, callback) {
    if (message.channel === '/stuck') Array.prototype.reverse.call({ length: Number.MAX_SAFE_INTEGER });
    callback(message);
  },
};
