/**
 * React hooks for a client: `faye-client/react`. They use only its public methods, and do nothing during server-side
 * rendering.
 */

'use client'; // So that server components may import from here.

import { Client, type ClientOptions, type ConnectionEvent, type FayeError } from 'faye-client';
import { useCallback, useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from 'react';

/** The result of `useConnection`: the parts of the last `connection` event. */
export interface Connection {
  /** The state of the connection. */
  readonly state: ConnectionEvent['state'];
  /** The reason for the state; undefined before the first change. */
  readonly reason: string | undefined;
  /** The connection type in use, such as `websocket`. */
  readonly transport: string | undefined;
}

/** A client, and how many effects hold it now: none, one, or for a moment in StrictMode one after none. */
interface Held {
  readonly client: Client;
  readonly address: string;
  holders: number;
  ended: boolean;
}

/**
 * Returns a client for this component and its children. A new endpoint creates a new client; unmounting disconnects it.
 * `options` are read when the client is created.
 */
export function useClient(endpoint: string | URL, options?: ClientOptions): Client {
  const address = String(endpoint);
  const make = (): Held => ({ client: new Client(onServer(address), options), address, holders: 0, ended: false });
  const [kept, keep] = useState(make);

  let held = kept;
  if (held.address !== address) keep((held = make()));
  // A client does nothing until it is used, so one whose rendering React throws away leaves nothing behind.

  const newestMake = useNewest(make);
  useEffect(() => {
    if (held.ended) {
      // React showed again what it had hidden (Activity). A disconnected client cannot be used again.
      keep(newestMake.current());
      return undefined;
    }
    held.holders += 1;
    return () => {
      held.holders -= 1;
      // StrictMode and hot reloading run an effect again at once; the connection lives through that.
      queueMicrotask(() => {
        if (held.holders > 0 || held.ended) return;
        held.ended = true;
        held.client.disconnect();
      });
    };
  }, [held, newestMake]);

  return held.client;
}

/**
 * On a server an endpoint cannot be relative to a page. Effects do not run there and the client is not used, so any host
 * works.
 */
function onServer(address: string): string {
  const isServer = typeof location === 'undefined' && globalThis.navigator?.product !== 'ReactNative';
  return isServer && !/^\w+:/.test(address) ? new URL(address, 'http://server.invalid').href : address;
}

/**
 * Subscribes to a channel while the component is mounted; null or undefined means no channel. `listener` may change with each
 * render: the latest is called, without a new subscription. Returns the error of a refused subscription, or null.
 */
export function useSubscription<T = unknown>(
  client: Client,
  channel: string | null | undefined,
  listener: (data: T, channel: string) => void,
): FayeError | null {
  const [error, setError] = useState<FayeError | null>(null);
  const newest = useNewest(listener);

  useEffect(() => {
    if (channel == null) return undefined;
    let active = true;
    const subscription = client.subscribe(channel);
    subscription.withChannel((from: string, data: T) => {
      if (active) newest.current(data, from);
    });
    subscription.then(undefined, (refusal: FayeError) => {
      if (active) setError(refusal);
    });
    return () => {
      active = false;
      subscription.cancel();
      setError(null);
    };
  }, [client, channel, newest]);

  return error;
}

/** Returns the state of the connection, and renders the component again when it changes. */
export function useConnection(client: Client): Connection {
  const subscribe = useCallback(
    (changed: () => void) => {
      const heard = (event: ConnectionEvent): void => {
        remember(client, event.reason);
        changed();
      };
      client.on('connection', heard);
      client.on('transport:up', changed);
      return () => {
        client.removeListener('connection', heard);
        client.removeListener('transport:up', changed);
      };
    },
    [client],
  );
  return useSyncExternalStore(subscribe, () => remember(client), atFirst);
}

const UNCONNECTED: Connection = { state: 'unconnected', reason: undefined, transport: undefined };
const atFirst = (): Connection => UNCONNECTED;

/** The last value for each client. React requires the same object while nothing changed. */
const seen = new WeakMap<Client, Connection>();

function remember(client: Client, news?: string): Connection {
  const before = seen.get(client) ?? UNCONNECTED;
  const { state, transport } = client;
  // A state that came without news of it leaves the reason open; another transport alone does not.
  const reason = news ?? (state === before.state ? before.reason : undefined);
  if (state === before.state && transport === before.transport && reason === before.reason) return before;
  const now: Connection = { state, reason, transport };
  seen.set(client, now);
  return now;
}

/** The value of the newest rendering that counted, for effects and listeners. */
function useNewest<T>(value: T): { readonly current: T } {
  const newest = useRef(value);
  // The earliest effect there is, so that no other one sees an old value. The server runs none, and warns of none.
  useInsertionEffect(() => {
    newest.current = value;
  });
  return newest;
}
