#!/usr/bin/env node
// Runs rounds of faults against clusters of the server and checks the guarantees of docs/guarantees.md. Each round is drawn from
// its seed: the same seed gives the same plan. A round that fails is kept in target/chaos/SEED.json.
//
//   SEED=0     the first seed
//   ROUNDS=20  how many seeds, from there on
//   REPEAT=1   how often each seed is run
//   JOBS=1     clusters at the same time
//   PLAN=1     prints the plans as JSON and runs nothing
//   FAYE_BIN   the binary [target/release/faye]

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { groupsOf, runGroup } from '../tests/compat/lib/chaos/campaign.mjs';
import { planOf } from '../tests/compat/lib/chaos/plan.mjs';

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const [seed, rounds, repeat, jobs] = [number('SEED', 0), number('ROUNDS', 20), number('REPEAT', 1), number('JOBS', 1)];

/** One line for each round: the seed, the faults, and the result. */
function report({ record, violations }) {
  const faults = record.faults.map(({ kind, node }) => (node === null ? kind : `${kind} ${node + 1}`)).join(', ') || 'no fault';
  const arrivals = record.sessions.reduce((sum, session) => sum + session.arrivals.length, 0);
  console.log(`${violations.length === 0 ? 'ok  ' : 'FAIL'} ${record.plan.seed}: ${record.plan.cluster}; ${faults}; `
    + `${record.publications.length} published, ${arrivals} arrived`);
}

/** Runs one group after the other. @returns how many rounds failed */
async function work(groups) {
  let failed = 0;
  for (const seeds of groups) {
    const failures = await runGroup(seeds, { repeat, done: report });
    for (const failure of failures) console.log(failure);
    failed += failures.length;
  }
  return failed;
}

/** Runs a group in a process of its own. */
async function delegate(seeds) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { ...process.env, SEED: seeds[0], ROUNDS: seeds.length, JOBS: 1 }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => { if (!line.startsWith('all ')) console.log(line); });
  const [code] = await once(child, 'exit');
  return code === 0 ? 0 : 1;
}

async function main() {
  if (process.env.PLAN) {
    for (let each = seed; each < seed + rounds; each += 1) console.log(JSON.stringify(planOf(each)));
    return;
  }
  const groups = groupsOf(seed, rounds);
  let failed = 0;
  if (jobs > 1) {
    await Promise.all(Array.from({ length: jobs }, async () => {
      for (let seeds = groups.shift(); seeds; seeds = groups.shift()) failed += await delegate(seeds);
    }));
  } else {
    failed = await work(groups);
  }
  console.log(failed === 0 ? `all ${rounds * repeat} rounds keep the guarantees` : `FAILED: ${failed}`);
  process.exit(failed === 0 ? 0 : 1);
}

await main();
