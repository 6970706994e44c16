// A Redis Cluster of three masters.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { freePort } from '../ports.mjs';
import { startRedis } from './redis.mjs';
import { tool } from './tools.mjs';
import { until } from './waiting.mjs';

const MASTERS = 3;
const run = promisify(execFile);

/** @returns { url, masters }: `masters` are as `startRedis` gives them */
export async function startRedisCluster(workbench) {
  const masters = [];
  for (let count = 0; count < MASTERS; count += 1) {
    masters.push(await startRedis(workbench, {
      more: ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort()), '--cluster-node-timeout', '2000'],
    }));
  }
  const addresses = masters.map(({ port }) => `127.0.0.1:${port}`);
  await run(tool('redis-cli'), ['--cluster', 'create', ...addresses, '--cluster-yes']);
  await until('the Redis Cluster is whole', async () => {
    const states = await Promise.all(masters.map((master) => master.command('CLUSTER', 'INFO')));
    return states.every((state) => state.includes('cluster_state:ok') && state.includes('cluster_slots_ok:16384'));
  });
  return { url: `redis+cluster://${addresses.join(',')}`, masters };
}
