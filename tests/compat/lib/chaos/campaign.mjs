// Runs the rounds of consecutive seeds, ten on one cluster, and keeps the record of each that fails.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { OUR_SERVER } from '../server.mjs';
import { abandonWaiting, describeWaiting } from '../cluster/waiting.mjs';
import { Workbench } from '../workbench.mjs';
import { within } from './clients.mjs';
import { nothingIsLeft, startCluster } from './cluster.mjs';
import { clusterOf, planOf, SEEDS_OF_CLUSTER } from './plan.mjs';
import { runRound } from './round.mjs';

export const FOLDER = fileURLToPath(new URL('../../../../target/chaos/', import.meta.url));
const LEFT_MILLISECONDS = 40_000;
const SHOWN_VIOLATIONS = 5;

/** The seeds, as the groups that share a cluster. */
export function groupsOf(first, count) {
  const groups = new Map();
  for (let seed = first; seed < first + count; seed += 1) {
    const key = Math.floor(seed / SEEDS_OF_CLUSTER);
    groups.set(key, [...groups.get(key) ?? [], seed]);
  }
  return [...groups.values()];
}

/** What went wrong in a round, with the first violation and the messages that it is about. */
export function describe({ record, violations }, file) {
  const [first] = violations;
  return [
    `seed ${record.plan.seed}: ${violations.length} violations; the first: ${first.guarantee}: ${first.text}`,
    ...first.about.map((each) => `  ${JSON.stringify(each)}`),
    ...violations.slice(1, SHOWN_VIOLATIONS).map(({ guarantee, text }) => `  also ${guarantee}: ${text}`),
    `  plan: ${JSON.stringify(record.plan)}`,
    `  the whole record: ${file}; again: make chaos SEED=${record.plan.seed} ROUNDS=1`,
  ].join('\n');
}

function keep(result, logs) {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `${result.record.plan.seed}.json`);
  const { record, violations } = result;
  writeFileSync(file, JSON.stringify({ seed: record.plan.seed, plan: record.plan, violations, record, logs }, null, 1));
  return file;
}

/**
 * Runs seeds that share a cluster.
 *
 * @param options  { repeat, done(result) }: `repeat` is how often each seed is run
 * @returns the texts of the rounds that failed
 */
export async function runGroup(seeds, { repeat = 1, done = () => {} } = {}) {
  const kind = clusterOf(seeds[0]);
  const failures = [];
  const workbench = new Workbench(null, OUR_SERVER);
  try {
    const cluster = await startCluster(workbench, kind);
    const clientIds = [];
    for (const seed of seeds) {
      for (let time = 1; time <= repeat; time += 1) {
        const result = await runRound(cluster, planOf(seed, repeat > 1 ? `r${seed}x${time}` : `r${seed}`), kind);
        clientIds.push(...result.record.sessions.map(({ clientId }) => clientId));
        if (result.violations.length > 0) failures.push(describe(result, keep(result, workbench.describe())));
        done(result);
        // The nodes may be in any state.
        if (result.violations.some(({ guarantee }) => guarantee === 'recovery')) return failures;
      }
    }
    const left = nothingIsLeft(cluster, clientIds);
    if (!await within(LEFT_MILLISECONDS, left.isDone)) {
      failures.push(`seeds ${seeds[0]} to ${seeds.at(-1)}: something is left of sessions that ended; ${describeWaiting()}; ${await left.describe()}\n${workbench.describe()}`);
      abandonWaiting();
    }
  } catch (error) {
    failures.push(`seeds ${seeds[0]} to ${seeds.at(-1)}: ${error.stack}\n${workbench.describe()}`);
  } finally {
    await workbench.discard();
  }
  return failures;
}
