/**
 * A stand-in until the client is here.
 */

import { Faye } from './api.js';

export * from './api.js';
export default Faye;
