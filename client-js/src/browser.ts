/**
 * The entry for bundlers: browsers, workers, React Native.
 */

import { BaseClient } from './client.js';
import { makeFaye } from './faye.js';
import type { BrowserOptions } from './options.js';
import { page } from './page.js';

export * from './api.js';
export type { BrowserOptions as ClientOptions } from './options.js';

/** A client for browsers, workers and React Native. It sends nothing before it is used. */
export class Client extends BaseClient {
  /**
   * Creates a client.
   *
   * @param endpoint the URL of the server, relative to the page; an absolute URL in React Native.
   * @throws FayeError for an unknown option, or a value that cannot work.
   */
  constructor(endpoint: string | URL = '/bayeux', options?: BrowserOptions | null) {
    super(endpoint, options, page);
  }
}

const Faye = makeFaye(Client);
export default Faye;
