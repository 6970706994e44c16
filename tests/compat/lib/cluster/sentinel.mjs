// A Redis with a replica, and the sentinels that make the replica the master when the master is gone.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Daemon } from './daemon.mjs';
import { freePort } from '../ports.mjs';
import { startRedis } from './redis.mjs';
import { RespClient } from './resp.mjs';
import { tool } from './tools.mjs';
import { until } from './waiting.mjs';

const SENTINELS = 3;
const QUORUM = 2;
const MASTER_NAME = 'mymaster';

const settings = (port, masterPort) => `
port ${port}
bind 127.0.0.1
sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${QUORUM}
sentinel down-after-milliseconds ${MASTER_NAME} 1000
sentinel failover-timeout ${MASTER_NAME} 5000
sentinel parallel-syncs ${MASTER_NAME} 1
`;

class Sentinel {
  #folder = mkdtempSync(join(tmpdir(), 'faye-sentinel-'));
  #daemon;
  #client = null;

  constructor(port, masterPort) {
    this.port = port;
    const file = join(this.#folder, 'sentinel.conf');
    writeFileSync(file, settings(port, masterPort));
    this.#daemon = new Daemon(`the sentinel at ${port}`, [tool('redis-server'), file, '--sentinel'], { cwd: this.#folder });
  }

  async start() {
    await this.#daemon.start((isOver) => until('a sentinel answers', async () => {
      if (isOver()) return true;
      this.#client = await RespClient.open({ port: this.port }).catch(() => null);
      return this.#client;
    }));
  }

  /** A fact that it knows of the master, by its name in SENTINEL MASTER. */
  async know(name) {
    const facts = await this.#client.command('SENTINEL', 'MASTER', MASTER_NAME);
    return facts[facts.indexOf(name) + 1];
  }

  command(...words) {
    return this.#client.command(...words);
  }

  describe() {
    return this.#daemon.describe();
  }

  async discard() {
    this.#client?.close();
    await this.#daemon.discard();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @returns { url, master, replica, promoted }: `promoted()` waits until every sentinel says that the replica is master */
export async function startSentinels(workbench) {
  const master = await startRedis(workbench);
  const replica = await startRedis(workbench, { more: ['--replicaof', '127.0.0.1', String(master.port)] });
  await until('the replica follows the master', async () =>
    (await replica.command('INFO', 'replication')).includes('master_link_status:up'));

  const sentinels = [];
  for (let count = 0; count < SENTINELS; count += 1) {
    const sentinel = new Sentinel(await freePort(), master.port);
    workbench.atEnd(() => sentinel.discard());
    workbench.alsoShow(() => sentinel.describe());
    await sentinel.start();
    sentinels.push(sentinel);
  }
  // Before that they could not agree on a failover.
  await until('the sentinels know each other and the replica', async () => {
    const known = await Promise.all(sentinels.map(async (sentinel) =>
      [await sentinel.know('num-other-sentinels'), await sentinel.know('num-slaves')].join()));
    return known.every((each) => each === `${SENTINELS - 1},1`);
  });
  /** The Redis that every sentinel calls the master, or null while they disagree. */
  const current = async () => {
    const ports = await Promise.all(sentinels.map((sentinel) => sentinel.know('port')));
    const agreed = ports.every((port) => port === ports[0]);
    return agreed ? [master, replica].find(({ port }) => String(port) === ports[0]) : null;
  };
  return {
    current,
    /** Has the master and the replica change places, and waits until every sentinel says so. */
    failOver: async () => {
      const before = await current();
      // A sentinel refuses while the one before is not over.
      await until('a sentinel begins a failover', () =>
        sentinels[0].command('SENTINEL', 'FAILOVER', MASTER_NAME).then(() => true, () => false));
      const now = await until('the replica is the master', async () => {
        const next = await current();
        return next && next !== before && (await next.command('ROLE').catch(() => ['unknown']))[0] === 'master' && next;
      });
      // As the sentinels do it some seconds later: until then the old master takes what its clients send, and loses it.
      await before.command('REPLICAOF', '127.0.0.1', now.port);
      await before.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await before.command('CLIENT', 'KILL', 'TYPE', 'normal');
      await until('the old master follows the new one', async () =>
        (await before.command('INFO', 'replication').catch(() => '')).includes('master_link_status:up'));
    },
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${MASTER_NAME}`,
    master,
    replica,
    promoted: () => until('every sentinel says that the replica is the master', async () => {
      const ports = await Promise.all(sentinels.map((sentinel) => sentinel.know('port')));
      // Sentinels cut the connections to whom they make the master.
      const role = await replica.command('ROLE').catch(() => ['unknown']);
      return role[0] === 'master' && ports.every((port) => port === String(replica.port));
    }),
  };
}
