// Takes what is signed with a shared secret, over SHA-256.
const crypto = require('crypto');

const secret = process.env.SIGNING_SECRET;

module.exports = {
  incoming(message, callback) {
    if (message.channel.startsWith('/meta/')) return callback(message);
    const expected = crypto.createHmac('sha256', secret).update(message.channel).digest('hex');
    const given = String(message.ext && message.ext.signature);
    const isRight = expected.length === given.length
      && crypto.timingSafeEqual(Buffer.from(expected), Buffer.from(given));
    if (!isRight) message.error = '403::Bad signature';
    message.data = {
      environment: Object.keys(process.env),
      hash: crypto.createHash('sha1').update('é').update(Buffer.from('00ff', 'hex')).digest('base64'),
      random: /^[0-9a-f]{32}$/.test(crypto.randomBytes(16).toString('hex')),
    };
    callback(message);
  },
};
