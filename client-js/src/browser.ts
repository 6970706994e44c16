/**
 * The entry for bundlers: browsers, workers, React Native.
 */

import { BaseClient } from './client.js';
import { makeFaye } from './faye.js';
import type { ClientOptions } from './options.js';
import { page } from './page.js';

export * from './api.js';

/** A client for browsers, workers and React Native. It sends nothing before it is used. */
export class Client extends BaseClient {
  /**
   * Makes a client.
   *
   * @param endpoint the address of the server, relative to the page; React Native needs a whole one.
   * @throws FayeError for an option that is not known.
   */
  constructor(endpoint: string | URL = '/bayeux', options?: ClientOptions | null) {
    super(endpoint, options, page);
  }
}

const Faye = makeFaye(Client);
export default Faye;
