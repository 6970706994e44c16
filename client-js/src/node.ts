/**
 * A stand-in until the client is here.
 */

import { Faye } from './api.js';

/** Only so that the build meets a dynamic import. */
export const loadWs = (): Promise<unknown> => import('ws');

export * from './api.js';
export default Faye;
