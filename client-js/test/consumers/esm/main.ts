/**
 * A Node program in TypeScript, as ES modules.
 */

import Faye, { Client, type ClientOptions, FayeError, type Publication, type Subscription, VERSION } from 'faye-client';
import { useClient, useConnection, useSubscription } from 'faye-client/react';

const options: ClientOptions = { timeout: 30, token: async () => 'secret' };
const clients: Client[] = [
  new Client('http://localhost:8000/faye', options),
  new Faye.Client(new URL('http://localhost:8000/faye')),
];
const scheduler = Faye.Scheduler;
Faye.logger = () => {};

// Not called: its types are what is tested.
export async function use(client: Client): Promise<void> {
  const subscription: Subscription = client.subscribe('/news', (data: { text: string }) => data.text);
  await subscription;
  subscription.withChannel((channel: string, _data: unknown) => channel.length).cancel();
  const publication: Publication = client.publish('/news', { text: 'hello' });
  await publication.catch((error: unknown) => error instanceof FayeError && error.code === 403);
  client.on('connection', ({ state, reason, transport }) => [state === 'connected', reason.length, transport?.length]);
  client.batch(() => {});
  client.disconnect();
  // @ts-expect-error the state is for reading
  client.state = 'connected';
  // @ts-expect-error there is no such option
  new Client('/faye', { nonsense: true });
  // @ts-expect-error a misspelt option
  new Client('http://localhost:8000/faye', { maxretry: 30 });
  // @ts-expect-error only browsers have it
  new Client('http://localhost:8000/faye', { shared: true });
  // @ts-expect-error a number of seconds, not a text
  new Client('http://localhost:8000/faye', { timeout: '30s' });
  // @ts-expect-error a misspelt connection type
  new Client('http://localhost:8000/faye', { endpoints: { websockets: 'ws://localhost:8000/faye' } });
  // @ts-expect-error a misspelt connection type
  client.disable('web-socket');
  // @ts-expect-error a misspelt event
  client.on('conection', () => {});
  // @ts-expect-error a misspelt limit of a publication
  void client.publish('/news', 1, { attempt: 2 });
  // @ts-expect-error a misspelt stage
  client.addExtension({ outgoin: (message: unknown, callback: (message: unknown) => void) => callback(message) });
}

export const all: unknown[] = [clients, scheduler, VERSION, useClient, useConnection, useSubscription];
