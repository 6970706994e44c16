/**
 * Time as a test wants it, and what every test of the client ends with: disconnected clients leave no timer behind.
 */

import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { BaseClient } from '../src/client.js';
import type { ConnectionEvent } from '../src/connection.js';
import type { FayeError } from '../src/error.js';
import type { Server } from './scripted.js';

/** With Math.random always a half, delays after failures are these, with the default options. */
export const DELAYS = [500, 3_750, 7_500, 15_000, 30_000, 45_000, 45_000, 45_000, 45_000];

/** Fakes time and chance for each test of a file. */
export function fakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

/** As `fakeTime`, and gives a function by which a test makes a server whose clients are ended after it. */
export function fakeWorld(make: (types?: string[]) => Server): (types?: string[]) => Server {
  fakeTime();
  const made: Server[] = [];
  afterEach(async () => {
    const servers = made.splice(0);
    const clients = servers.flatMap(({ clients }) => clients);
    for (const client of clients) client.disconnect();
    if (clients.length === 0 || !vi.isFakeTimers()) return;
    await pass(10_000);
    for (const server of servers) server.stop();
    expect(vi.getTimerCount(), 'timers after the disconnect').toBe(0);
  });
  return (types) => {
    const one = make(types);
    made.push(one);
    return one;
  };
}

/** Lets so many milliseconds go by, and what was to happen in them happen. */
export async function pass(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
}

export interface Outcome {
  is: 'pending' | 'resolved' | 'rejected';
  error?: FayeError;
}

/** What has become of a promise by now. */
export function outcome(promise: PromiseLike<unknown>): Outcome {
  const seen: Outcome = { is: 'pending' };
  promise.then(
    () => (seen.is = 'resolved'),
    (error) => Object.assign(seen, { is: 'rejected', error }),
  );
  return seen;
}

/** The client's connection as a promise. */
export function connection(client: BaseClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.callback(resolve);
    client.errback(reject);
  });
}

/** What a client tells of its connection. */
export function eventsOf(client: BaseClient): ConnectionEvent[] {
  const events: ConnectionEvent[] = [];
  client.on('connection', (event) => events.push(event));
  return events;
}
