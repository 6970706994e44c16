/**
 * The entry for bundlers: browsers, workers, React Native.
 */

import { BaseClient } from './client.js';
import { makeFaye } from './faye.js';
import type { ClientOptions } from './options.js';
import { page } from './page.js';

export * from './api.js';

export class Client extends BaseClient {
  constructor(endpoint: string | URL = '/bayeux', options?: ClientOptions | null) {
    super(endpoint, options, page);
  }
}

const Faye = makeFaye(Client);
export default Faye;
