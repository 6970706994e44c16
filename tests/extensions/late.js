// Some are called back later.
module.exports = {
  incoming(message, callback) {
    if (message.channel !== '/late') return callback(message);
    message.data = 'late';
    const never = setTimeout(() => callback(null), 1);
    clearTimeout(never);
    setTimeout((message) => callback(message), 20, message);
  },
};
