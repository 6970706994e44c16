// Signatures of deliveries (WebSub, section 8).

import { createHmac } from 'node:crypto';

export const METHODS = ['sha1', 'sha256', 'sha384', 'sha512'];

/** The method of a signature, or nothing if the header has another form. */
export const methodOf = ({ headers }) => /^(sha1|sha256|sha384|sha512)=[0-9a-f]+$/.exec(headers['x-hub-signature'] ?? '')?.[1];

/** Whether a delivery is signed with the secret, by any of the methods. */
export function isSignedWith(delivery, secret) {
  const method = methodOf(delivery);
  if (!method) return false;
  return delivery.headers['x-hub-signature'] === `${method}=${createHmac(method, secret).update(delivery.body).digest('hex')}`;
}
