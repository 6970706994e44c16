/**
 * The same with the default import and the named ones, as most TypeScript for CommonJS is written.
 */

import Faye, { Client, Scheduler, VERSION } from 'faye-client';
import { useSubscription } from 'faye-client/react';

Faye.logger = () => {};
const clients: Client[] = [new Faye.Client('http://localhost:8000/faye'), new Client('http://localhost:8000/faye')];
if (Faye.Client !== Client) throw new Error('the default import is not the module');

export const all: unknown[] = [clients, Scheduler, VERSION, useSubscription];
