/**
 * Random trouble on two transports while messages are published, and then peace: nothing hangs, nothing is lost, nothing
 * is out of order. Each seed is another story; a failure names its seed.
 */

import { expect, test, vi } from 'vitest';
import type { Arrival } from './links.js';
import { type Health, Server } from './scripted.js';
import { fakeWorld, type Outcome, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));
const PUBLICATIONS = 200;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const HEALTHS: Health[] = ['well', 'well', 'refused', 'opening', 'silent'];

/** Changes how one transport fares, or ends some of what is open. */
function trouble(server: Server, random: () => number, healths = HEALTHS): void {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const type = pick(server.types);
  if (random() < 0.5) server.health[type] = type === 'websocket' ? pick(healths) : pick(healths.filter((health) => health !== 'opening'));
  for (const link of server.links) if (!link.isOver && random() < 0.2) link.cut();
}

interface Story {
  server: Server;
  client: ReturnType<Server['client']>;
  outcomes: Outcome[];
  heard: unknown[];
}

/** Publishes through trouble, and then lets everything work for some minutes. */
async function live(seed: number, types: string[], forgets: boolean): Promise<Story> {
  const random = dice(seed);
  vi.spyOn(Math, 'random').mockImplementation(random);
  const server = world(types);
  const client = server.client();
  const heard: unknown[] = [];
  client.subscribe('/news', (data) => heard.push(data));
  const outcomes: Outcome[] = [];
  for (let number = 0; number < PUBLICATIONS; number += 1) {
    outcomes.push(outcome(client.publish('/a', number)));
    if (random() < 0.3) trouble(server, random);
    if (forgets && random() < 0.01) server.session = undefined;
    if (random() < 0.5) await pass(Math.floor(random() ** 3 * 20_000));
  }
  for (const type of types) delete server.health[type];
  await pass(300_000);
  return { server, client, outcomes, heard };
}

/** Publications in the order in which the server first took each. */
function taken(server: Server): unknown[] {
  const first = new Map<unknown, Arrival>();
  for (const arrival of server.sent('/a')) {
    const isTaken = arrival.isAnswered && arrival.message.clientId !== undefined;
    if (isTaken && !first.has(arrival.message.data)) first.set(arrival.message.data, arrival);
  }
  return [...first.keys()];
}

const all = Array.from({ length: PUBLICATIONS }, (_, number) => number);
const seeds = Array.from({ length: 25 }, (_, index) => 1_000 + 7 * index);

test.each(seeds)('over two transports, seed %i', async (seed) => {
  const { server, client, outcomes, heard } = await live(seed, ['websocket', 'long-polling'], false);
  expect(outcomes.filter(({ is }) => is !== 'resolved')).toEqual([]);
  expect(taken(server)).toEqual(all);
  const ids = new Map(server.sent('/a').map(({ message }) => [message.data, message.id]));
  for (const { message } of server.sent('/a')) expect(message.id).toBe(ids.get(message.data));
  expect(client.state).toBe('connected');
  expect(client.clientId).toBe('session1');
  server.publish('/news', 'peace');
  await pass(2_000);
  expect(heard).toEqual(['peace']);
});

test.each(seeds.slice(0, 8))('over requests alone, seed %i', async (seed) => {
  const { server, outcomes } = await live(seed, ['long-polling'], false);
  expect(outcomes.filter(({ is }) => is !== 'resolved')).toEqual([]);
  expect(taken(server)).toEqual(all);
});

test.each(seeds.slice(0, 8))('over a socket alone, seed %i', async (seed) => {
  const { server, outcomes } = await live(seed, ['websocket'], false);
  expect(outcomes.filter(({ is }) => is !== 'resolved')).toEqual([]);
  expect(taken(server)).toEqual(all);
});

test.each(seeds)('with a server that forgets the session now and then, seed %i', async (seed) => {
  const { server, client, outcomes, heard } = await live(seed, ['websocket', 'long-polling'], true);
  expect(outcomes.filter(({ is }) => is === 'pending')).toEqual([]);
  // Only one that met three lost sessions is given up.
  for (const { is, error } of outcomes) if (is === 'rejected') expect(error).toMatchObject({ code: 401 });
  expect(client.state).toBe('connected');
  expect(client.clientId).toBe(server.session);
  server.publish('/news', 'peace');
  await pass(2_000);
  expect(heard).toEqual(['peace']);
});

/** A server that keeps messages until there is a connect to send them by. Gives how to add one. */
function queueing(server: Server): (data: unknown) => void {
  const queue: { channel: string; data: unknown }[] = [];
  const flush = (): void => {
    const { connect } = server;
    if (!connect || connect.link.isMute || queue.length === 0) return;
    connect.link.push(...queue.splice(0));
    if (connect.type !== 'websocket') connect.reply({ advice: server.advice });
  };
  const receive = server.receive.bind(server);
  server.receive = (link, messages) => {
    receive(link, messages);
    flush();
  };
  return (data) => {
    queue.push({ channel: '/news', data });
    flush();
  };
}

test.each(seeds)('what the server sends arrives once and in order, seed %i', async (seed) => {
  const random = dice(seed);
  vi.spyOn(Math, 'random').mockImplementation(random);
  const server = world(['websocket', 'long-polling']);
  const send = queueing(server);
  const heard: unknown[] = [];
  await server.client().subscribe('/news', (data) => heard.push(data));
  for (const number of all) {
    send(number);
    if (random() < 0.3) trouble(server, random, ['well', 'well', 'refused', 'opening']);
    if (random() < 0.7) await pass(Math.floor(random() ** 3 * 10_000));
  }
  for (const type of server.types) delete server.health[type];
  await pass(120_000);
  expect(heard).toEqual(all);
});
