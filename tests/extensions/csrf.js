// A message has to repeat the token of the session that the cookie names.
const sessions = new Map([['s1', 'token-of-s1'], ['s2', 'token-of-s2']]);

exports.incoming = function(message, request, callback) {
  const cookies = (request && request.headers.cookie) || '';
  const session = (/(?:^|;\s*)session=([^;]*)/.exec(cookies) || [])[1];
  const expected = sessions.get(session);
  const given = message.ext && message.ext.csrfToken;
  if (expected === undefined || given !== expected) message.error = '401::Access denied';
  if (message.ext) delete message.ext.csrfToken;
  callback(message);
};
