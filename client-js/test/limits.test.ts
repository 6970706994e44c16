/**
 * Publications with limits of their own: attempts, a deadline, and schedulers that an application brings.
 */

import { expect, test, vi } from 'vitest';
import { Scheduler } from '../src/scheduler.js';
import { Server } from './scripted.js';
import { fakeWorld, outcome, pass } from './time.js';

const world = fakeWorld((types) => new Server(types));

async function connected(options: object = {}): Promise<{ server: Server; client: ReturnType<Server['client']> }> {
  const server = world(['long-polling']);
  const client = server.client(options);
  client.connect();
  await pass(1_000);
  return { server, client };
}

/** Every request with a publication fails. */
function failing(server: Server): void {
  server.rules['/a'] = ({ link }) => {
    link.cut();
    return undefined;
  };
}

test('after so many attempts a publication is rejected', async () => {
  const { server, client } = await connected();
  failing(server);
  const publication = outcome(client.publish('/a', 1, { attempts: 3 }));
  await pass(200_000);
  expect(server.sent('/a')).toHaveLength(3);
  expect(publication.is).toBe('rejected');
});

test('one attempt is rejected as soon as it failed', async () => {
  const { server, client } = await connected();
  failing(server);
  const publication = outcome(client.publish('/a', 1, { attempts: 1 }));
  await pass();
  expect(publication.is).toBe('rejected');
  expect(publication.error).toBeInstanceOf(Error);
});

test('a publication with attempts left goes on', async () => {
  const { server, client } = await connected();
  server.rules['/a'] = ({ link }) => {
    if (server.sent('/a').length === 2) return {};
    link.cut();
    return undefined;
  };
  const publication = outcome(client.publish('/a', 1, { attempts: 2 }));
  await pass(10_000);
  expect(publication.is).toBe('resolved');
});

test('a deadline ends the wait for a reply', async () => {
  const { server, client } = await connected();
  server.rules['/a'] = () => undefined;
  const publication = outcome(client.publish('/a', 1, { deadline: 2 }));
  await pass(1_900);
  expect(publication.is).toBe('pending');
  await pass(200);
  expect(publication.is).toBe('rejected');
  expect(publication.error!.message).toContain('2 s');
  await pass(120_000);
  expect(server.sent('/a')).toHaveLength(1);
});

test('a deadline holds while the server cannot be reached', async () => {
  const { server, client } = await connected();
  server.health['long-polling'] = 'refused';
  server.connect!.link.cut();
  await pass(100);
  const publication = outcome(client.publish('/a', 1, { deadline: 3 }));
  await pass(3_100);
  expect(publication.is).toBe('rejected');
  delete server.health['long-polling'];
  await pass(60_000);
  expect(server.sent('/a').filter(({ isAnswered }) => isAnswered)).toEqual([]);
});

test('a deadline holds while there is no session yet', async () => {
  const server = world(['long-polling']);
  server.rules['/meta/handshake'] = () => undefined;
  const client = server.client();
  const publication = outcome(client.publish('/a', 1, { deadline: 3 }));
  await pass(3_100);
  expect(publication.is).toBe('rejected');
  const handshake = server.last('/meta/handshake');
  handshake.reply(server.usual(handshake));
  await pass(1_000);
  expect(client.state).toBe('connected');
  expect(server.sent('/a')).toEqual([]);
});

test('a publication that is given up in a request with others does not harm those', async () => {
  const { server, client } = await connected();
  server.rules['/a'] = () => undefined;
  const late = outcome(client.publish('/a', 1, { deadline: 1 }));
  const other = outcome(client.publish('/b', 2));
  await pass();
  expect(server.last('/a').link).toBe(server.last('/b').link);
  await pass(1_000);
  expect(late.is).toBe('rejected');
  server.last('/a').reply();
  await pass();
  expect(other.is).toBe('resolved');
});

test('a publication that is answered in time leaves no timer', async () => {
  const { client } = await connected();
  const before = vi.getTimerCount();
  await client.publish('/a', 1, { deadline: 100, attempts: 2 });
  await pass();
  expect(vi.getTimerCount()).toBe(before);
});

test('other options are refused', async () => {
  const { client } = await connected();
  expect(() => client.publish('/a', 1, { urgent: true } as object)).toThrow('Unrecognized option: urgent');
});

test("an application's scheduler is made for each message and told what happens", async () => {
  const made: Scheduler[] = [];
  const told: string[] = [];
  class Own extends Scheduler {
    constructor(...parameters: ConstructorParameters<typeof Scheduler>) {
      super(...parameters);
      made.push(this);
    }
    override send(): void {
      super.send();
      if (this.message.channel === '/a') told.push('send');
    }
    override succeed(): void {
      if (this.message.channel === '/a') told.push('succeed');
    }
    override fail(): void {
      if (this.message.channel === '/a') told.push('fail');
    }
    override abort(): void {
      if (this.message.channel === '/a') told.push('abort');
    }
  }
  const { server, client } = await connected({ scheduler: Own });
  expect(made.map(({ message }) => message.channel)).toEqual(['/meta/handshake', '/meta/connect']);
  failing(server);
  void client.publish('/a', 1, { attempts: 2 });
  await pass(10_000);
  expect(told).toEqual(['send', 'fail', 'send', 'fail', 'abort']);
  told.length = 0;
  delete server.rules['/a'];
  void client.publish('/a', 2, { attempts: 2, deadline: 9 });
  await pass(10_000);
  expect(told).toEqual(['send', 'succeed']);
  const { options } = made.find(({ message }) => message.data === 2)!;
  expect(options).toMatchObject({ attempts: 2, deadline: expect.any(Number), interval: 5, timeout: 54 });
});

test('its getTimeout and getInterval are obeyed', async () => {
  class Hasty extends Scheduler {
    override getTimeout(): number {
      return this.message.channel === '/a' ? 2 : super.getTimeout();
    }
    override getInterval(): number {
      return 1;
    }
  }
  const { server, client } = await connected({ scheduler: Hasty });
  server.rules['/a'] = () => undefined;
  const from = Date.now();
  void client.publish('/a', 1);
  await pass(9_500);
  expect(server.sent('/a').map(({ at }) => at - from)).toEqual([0, 3_000, 6_000, 9_000]);
});

test('its isDeliverable gives up a message, before or after it was sent', async () => {
  class Strict extends Scheduler {
    override isDeliverable(): boolean {
      return this.message.data !== 'never' && (this.message.channel !== '/a' || this.attempts < 2);
    }
  }
  const { server, client } = await connected({ scheduler: Strict });
  failing(server);
  const never = outcome(client.publish('/b', 'never'));
  const twice = outcome(client.publish('/a', 1));
  await pass(60_000);
  expect(never.is).toBe('rejected');
  expect(server.sent('/b')).toEqual([]);
  expect(twice.is).toBe('rejected');
  expect(server.sent('/a')).toHaveLength(2);
});
