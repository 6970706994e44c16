/**
 * Extensions of the application: they see every message on its way out and in.
 */

import { expect, test, vi } from 'vitest';
import type { Extension } from '../src/extensible.js';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(['websocket']);
  const client = server.client();
  client.connect();
  await pass(1_000);
  return { server, client };
}

test('outgoing sees and changes every message, with its id', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  const seen: string[] = [];
  client.addExtension({
    outgoing: (message, callback) => {
      expect(message.id).toBeTypeOf('string');
      seen.push(message.channel);
      message.ext = { mine: true };
      callback(message);
    },
  });
  client.subscribe('/a', () => {});
  await pass();
  await client.publish('/a', 1);
  client.unsubscribe('/a');
  client.disconnect();
  await pass();
  expect(seen).toEqual([
    '/meta/handshake', '/meta/connect', '/meta/subscribe', '/meta/connect', '/a', '/meta/unsubscribe', '/meta/disconnect',
  ]);
  for (const { message } of server.sent()) expect(message.ext).toEqual({ mine: true });
});

test('incoming sees replies and published messages, before the listeners', async () => {
  const { server, client } = await connected();
  const seen: string[] = [];
  client.addExtension({
    incoming: (message, callback) => {
      seen.push(message.channel);
      if (message.data) message.data = 'changed';
      callback(message);
    },
  });
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  server.publish('/a', 'original');
  await client.publish('/b', 1);
  expect(heard).toHaveBeenCalledWith('changed');
  expect(seen).toEqual(['/meta/subscribe', '/a', '/b']);
});

test('with three parameters the second is null, as there is no request', async () => {
  const { server, client } = await connected();
  const requests: unknown[] = [];
  const extension: Extension = {
    outgoing(message, request, callback) {
      requests.push(request);
      callback(message);
    },
    incoming(message, request, callback) {
      requests.push(request);
      callback(message);
    },
  };
  client.addExtension(extension);
  await client.publish('/a', 1);
  expect(requests).toEqual([null, null]);
  expect(server.sent('/a')).toHaveLength(1);
});

test('extensions are called as methods, in the order in which they were added', async () => {
  const { client } = await connected();
  const order: string[] = [];
  class Own {
    constructor(readonly name: string) {}
    outgoing(message: object, callback: (message: object) => void): void {
      order.push(`${this.name} out`);
      callback(message);
    }
    incoming(message: object, callback: (message: object) => void): void {
      order.push(`${this.name} in`);
      callback(message);
    }
  }
  client.addExtension(new Own('first'));
  client.addExtension(new Own('second'));
  await client.publish('/a', 1);
  expect(order).toEqual(['first out', 'second out', 'first in', 'second in']);
});

test('an extension may take its time', async () => {
  const { server, client } = await connected();
  client.addExtension({ outgoing: (message, callback) => void setTimeout(() => callback(message), 1_000) });
  const publication = outcome(client.publish('/a', 1));
  await pass(900);
  expect(server.sent('/a')).toEqual([]);
  await pass(200);
  expect(publication.is).toBe('resolved');
});

test('the callback counts once', async () => {
  const { server, client } = await connected();
  client.addExtension({
    outgoing: (message, callback) => {
      callback(message);
      callback(message);
      callback(null);
    },
  });
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(publication.is).toBe('resolved');
  expect(server.sent('/a')).toHaveLength(1);
});

test('a publication that is dropped on its way out is rejected, and not sent', async () => {
  const { server, client } = await connected();
  client.addExtension({ outgoing: (message, callback) => callback(message.channel === '/a' ? null : message) });
  const publication = outcome(client.publish('/a', 1));
  const other = outcome(client.publish('/b', 1));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error!.message).toMatch(/extension/);
  expect(other.is).toBe('resolved');
  expect(server.sent('/a')).toEqual([]);
});

test('a reply that is dropped rejects what waited for it', async () => {
  const { client } = await connected();
  client.addExtension({ incoming: (message, callback) => callback(message.channel === '/a' ? null : message) });
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(publication.is).toBe('rejected');
});

test('a published message that is dropped is not heard', async () => {
  const { server, client } = await connected();
  const heard = vi.fn();
  await client.subscribe('/a', heard);
  client.addExtension({ incoming: (message, callback) => callback(message.data === 'spam' ? null : message) });
  server.publish('/a', 'spam');
  server.publish('/a', 'ham');
  expect(heard.mock.calls).toEqual([['ham']]);
});

test('a subscription that is dropped on its way out is rejected', async () => {
  const { client } = await connected();
  client.addExtension({ outgoing: (message, callback) => callback(message.channel === '/meta/subscribe' ? null : message) });
  const subscription = outcome(client.subscribe('/a', () => {}));
  await pass();
  expect(subscription.is).toBe('rejected');
});

test('a handshake that is dropped is tried again, without a hot loop', async () => {
  const server = world(['long-polling']);
  const client = server.client();
  let tries = 0;
  client.addExtension({
    outgoing: (message, callback) => {
      if (message.channel === '/meta/handshake') tries += 1;
      callback(message.channel === '/meta/handshake' && tries < 3 ? null : message);
    },
  });
  client.connect();
  await pass(5_000);
  expect(tries).toBe(2);
  await pass(30_000);
  expect(client.state).toBe('connected');
});

test('a connect whose reply is dropped does not end the cycle', async () => {
  const { server, client } = await connected();
  let dropped = 0;
  client.addExtension({
    incoming: (message, callback) => {
      const isDropped = message.channel === '/meta/connect' && dropped === 0;
      if (isDropped) dropped += 1;
      callback(isDropped ? null : message);
    },
  });
  server.connect!.reply();
  await pass(10_000);
  expect(dropped).toBe(1);
  expect(server.connect).toBeDefined();
});

test('an extension may refuse a message by giving it an error', async () => {
  const { client } = await connected();
  client.addExtension({
    incoming: (message, callback) => {
      if (message.channel === '/a') Object.assign(message, { successful: false, error: '499:mine:Not today' });
      callback(message);
    },
  });
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(publication.error).toMatchObject({ code: 499, params: ['mine'], message: 'Not today' });
});

test('added and removed are called with the client, and a removed one sees no more', async () => {
  const { client } = await connected();
  const extension = { added: vi.fn(), removed: vi.fn(), outgoing: vi.fn((message, callback) => callback(message)) };
  client.addExtension(extension);
  expect(extension.added).toHaveBeenCalledExactlyOnceWith(client);
  await client.publish('/a', 1);
  client.removeExtension(extension);
  client.removeExtension(extension);
  expect(extension.removed).toHaveBeenCalledExactlyOnceWith(client);
  await client.publish('/a', 2);
  expect(extension.outgoing).toHaveBeenCalledTimes(1);
});

test('an extension that replaces a message keeps its reply', async () => {
  const { server, client } = await connected();
  client.addExtension({ outgoing: (message, callback) => callback({ ...message, data: 'other', id: 'nonsense' }) });
  const publication = outcome(client.publish('/a', 1));
  await pass();
  expect(server.last('/a').message.data).toBe('other');
  expect(publication.is).toBe('resolved');
});
