// An application beside the server: it says what users may do, and makes their tokens.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Starts an application that answers hooks: `allows(question)` gives true, or the text of a refusal.
 *
 * @returns its URL
 */
export async function startApplication(workbench, allows) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const allowed = allows(JSON.parse(Buffer.concat(chunks).toString()));
    response.end(JSON.stringify(allowed === true ? { allow: true } : { allow: false, error: allowed }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  workbench.atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}/hook`;
}

export const TOKEN_SECRET = 'a secret of at least thirty-two bytes';

/** A token (RFC 7519) with these claims that is good for so many seconds. */
export function makeToken(claims, seconds) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, exp })}`;
  return `${signed}.${createHmac('sha256', TOKEN_SECRET).update(signed).digest('base64url')}`;
}
