/**
 * The entry for Node.
 */

import { BaseClient } from './client.js';
import { Cookies } from './cookies.js';
import type { Environment } from './environment.js';
import { failure } from './error.js';
import { makeFaye } from './faye.js';
import type { NodeOptions } from './options.js';
import { nodeLongPolling } from './transport/node-http.js';
import { nodeWebSocket } from './transport/node-websocket.js';

export * from './api.js';
export type { NodeOptions as ClientOptions } from './options.js';

const node: Environment = {
  resolve: (endpoint) => {
    if (/^(http|ws)s?:\/\/./i.test(endpoint)) return new URL(endpoint);
    throw new TypeError(`The endpoint must be an absolute URL such as http://localhost:8000/faye, not ${endpoint}`);
  },
  kinds: () => [nodeWebSocket, nodeLongPolling],
  settings: ({ agent, tls, ca }) => ({
    headers: {},
    agent,
    tls: ca === undefined ? tls : { ca, ...tls },
    cookies: new Cookies(),
  }),
  watch: () => () => {},
};

/** A client for Node. It sends nothing before it is used. */
export class Client extends BaseClient {
  /**
   * Creates a client.
   *
   * @param endpoint an absolute URL, such as `http://localhost:8000/faye`; any other throws a `TypeError`.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  constructor(endpoint: string | URL, options?: NodeOptions | null) {
    if (options && 'proxy' in options) throw failure('Unrecognized option: proxy. Pass an agent that uses the proxy');
    for (const name of ['shared', 'remember']) {
      if (options && name in options && (options as Record<string, unknown>)[name]) throw failure(`The option ${name} works in browsers only`);
    }
    // Not when it is first used: the mistake is in this line.
    for (const each of [endpoint, ...Object.values(options?.endpoints ?? {})]) node.resolve(String(each));
    super(endpoint, options, node);
  }
}

const Faye = makeFaye(Client);
export default Faye;
