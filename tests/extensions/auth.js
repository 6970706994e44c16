// Who may subscribe: each channel has a token, and the table of them is read once.
var fs = require('fs');

var registry = JSON.parse(fs.readFileSync(__dirname + '/tokens.json', 'utf8'));

module.exports = {
  incoming: function(message, callback) {
    // Let what is no subscription through.
    if (message.channel !== '/meta/subscribe') return callback(message);

    var subscription = message.subscription,
        token        = message.ext && message.ext.authToken;

    if (!Object.prototype.hasOwnProperty.call(registry, subscription) || registry[subscription] !== token)
      message.error = '403:' + subscription + ':Invalid subscription auth token';

    callback(message);
  }
};
