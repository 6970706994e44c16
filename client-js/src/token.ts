/**
 * The token of the user, sent as `ext.token` with each `/meta/` message, because the message may use a connection that the
 * server does not know yet. Publications carry it only after the server has asked for it in one, because a server may
 * forward `ext` to other clients; faye-server asks, and removes it, where a request has no cookie.
 */

import { HANDSHAKE, isMeta, SUBSCRIBE } from './channel.js';
import { type FayeError, failure } from './error.js';
import { addExt, type Feature } from './feature.js';
import type { Message } from './message.js';

/** A token, or a function that returns a token or a promise of one. */
export type TokenSource = string | (() => string | Promise<string>);

/** A token is not used in its last seconds: it has to be valid when it arrives. */
const MARGIN_SECONDS = 5;

/** Seconds since 1970 after which a JSON Web Token has expired; nothing if it does not say. */
function expiryOf(token: string): number | undefined {
  try {
    const claims = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    const { exp } = JSON.parse(atob(claims));
    return typeof exp === 'number' ? exp : undefined;
  } catch {
    return undefined;
  }
}

/** The feature of the option `token`. */
export class Token implements Feature {
  #source: TokenSource;
  #token: string | undefined;
  #asking: Promise<void> | undefined;
  /** Whether the source was asked because of a refusal, and nothing was accepted since. */
  #wasRenewed = false;
  /** Whether the server has refused a publication of the session because it carried no token. */
  #isForPublications = false;

  /** A token from its source. */
  constructor(source: TokenSource) {
    this.#source = source;
    if (typeof source === 'string') this.#token = source;
    else if (typeof source !== 'function') throw failure('Not a function: token');
  }

  /** Asks for a token if there is none that is valid. */
  prepare(): Promise<void> | undefined {
    const source = this.#source;
    if (typeof source === 'string' || (this.#token !== undefined && !this.#isExpired())) return undefined;
    // Messages that need a token in the meantime wait for the same one.
    this.#asking ??= Promise.resolve().then(source).then((token) => {
      this.#token = token;
    }).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  #isExpired(): boolean {
    const expiry = expiryOf(this.#token!);
    return expiry !== undefined && Date.now() / 1000 > expiry - MARGIN_SECONDS;
  }

  /** Adds it to messages to the server itself. */
  outgoing(message: Message): void {
    const isForIt = this.#isForPublications || isMeta(message);
    if (isForIt && this.#token !== undefined) addExt(message, 'token', this.#token);
  }

  /** Notes that it was accepted. */
  incoming({ channel, successful }: Message): void {
    if (successful && (channel === HANDSHAKE || channel === SUBSCRIBE)) this.#wasRenewed = false;
  }

  /** Whether to ask for another token, or to send it with publications too. */
  retries(message: Message, { code, message: reason }: FayeError): boolean {
    const { ext } = message;
    if (!isMeta(message)) {
      const isAskedFor = reason === 'Token required';
      this.#isForPublications ||= isAskedFor;
      return isAskedFor && !ext?.['token'];
    }
    if (typeof this.#source === 'string' || (code !== 401 && code !== 403)) return false;
    const used = ext?.['token'] ?? this.#token;
    if (this.#asking || used !== this.#token) return true;
    if (this.#wasRenewed) return false;
    this.#wasRenewed = true;
    this.#token = undefined;
    return true;
  }
}
