// Asks a service before it calls back.
module.exports = {
  async incoming(message, callback) {
    if (message.channel !== '/asked') return callback(message);
    const response = await fetch(message.data.url, {
      method: 'PUT',
      headers: { 'X-Token': 'abc' },
      body: JSON.stringify({ user: message.data.user }),
    });
    const answer = await response.json();
    if (!response.ok) message.error = '403::' + answer.reason;
    message.data = { status: response.status, type: response.headers.get('Content-Type'), answer };
    callback(message);
  },
};
