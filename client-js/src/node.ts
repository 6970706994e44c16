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
  base: undefined,
  kinds: () => [nodeWebSocket, nodeLongPolling],
  settings: ({ agent, tls, ca }) => ({
    headers: {},
    agent,
    tls: ca === undefined ? tls : { ca, ...tls },
    cookies: new Cookies(),
  }),
  watch: () => () => {},
};

export class Client extends BaseClient {
  /** The endpoint has to be a whole address, such as `http://localhost:8000/faye`. */
  constructor(endpoint: string | URL, options?: ClientOptions | null) {
    if (options && 'proxy' in options) throw failure('Unrecognized option: proxy. Pass an agent that goes through the proxy');
    super(endpoint, options, node);
  }
}

const Faye = makeFaye(Client);
export default Faye;
