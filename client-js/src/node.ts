/**
 * The entry for Node.
 */

import { BaseClient } from './client.js';
import { Cookies } from './cookies.js';
import type { Environment } from './environment.js';
import { failure } from './error.js';
import { makeFaye } from './faye.js';
import type { ClientOptions } from './options.js';
import { nodeLongPolling } from './transport/node-http.js';
import { nodeWebSocket } from './transport/node-websocket.js';

export * from './api.js';

const node: Environment = {
  resolve: (endpoint) => {
    if (/^(http|ws)s?:\/\/./i.test(endpoint)) return new URL(endpoint);
    throw new TypeError(`The endpoint has to be a whole address, such as http://localhost:8000/faye, not ${endpoint}`);
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
   * Makes a client, which sends nothing before it is used.
   *
   * @param endpoint a whole address, such as `http://localhost:8000/faye`; anything else throws a `TypeError`.
   * @throws FayeError for an option that is not known.
   */
  constructor(endpoint: string | URL, options?: ClientOptions | null) {
    if (options && 'proxy' in options) throw failure('Unrecognized option: proxy. Pass an agent that goes through the proxy');
    // Not when it is first used: the mistake is in this line.
    for (const each of [endpoint, ...Object.values(options?.endpoints ?? {})]) node.resolve(String(each));
    super(endpoint, options, node);
  }
}

const Faye = makeFaye(Client);
export default Faye;
