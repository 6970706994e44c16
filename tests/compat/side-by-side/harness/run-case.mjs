// Runs one case against both servers and judges what came.

import assert from 'node:assert/strict';
import { expectedOfOurs } from '../differences.mjs';
import { Silence } from './byte-stream.mjs';
import { targetIsReference } from './servers.mjs';
import { evenOut, render } from './transcript.mjs';

class Context {
  constructor(server) {
    this.server = server;
    this.values = new Map();
    this.held = new Map();
    this.sockets = new Map();
    this.streams = new Map();
    this.opened = [];
    this.observations = [];
    this.origins = [];
  }

  observe(observation, { origin } = {}) {
    this.observations.push(observation);
    this.origins.push(origin);
  }

  // Puts captured values in the place of {{name}}, in a text or in all texts of a message.
  fill(value) {
    if (typeof value !== 'string') return JSON.parse(this.fill(JSON.stringify(value)));
    return value.replace(/\{\{(\w+)\}\}/g, (whole, name) => this.values.get(name) ?? whole);
  }

  fillRequest(parts) {
    const filled = { ...parts };
    if (typeof parts.target === 'string') filled.target = this.fill(parts.target);
    if (typeof parts.body === 'string') filled.body = this.fill(parts.body);
    return filled;
  }
}

async function runOn(server, steps) {
  const context = new Context(server);
  try {
    for (const step of steps) await step(context);
  } catch (error) {
    if (!(error instanceof Silence)) throw error;
    context.observe({ what: 'silence', outcome: error.message });
  } finally {
    for (const connection of context.opened) connection.close();
  }
  if (!server.isAlive()) {
    context.observe({ what: 'the process', outcome: `ended\n${server.complaints()}` });
  }
  return { observations: evenOut(context.observations), origins: context.origins };
}

const statistics = { cases: 0, equal: 0, differences: new Map() };

export async function runCase(pair, { name, steps, differs }) {
  const [faye, ours] = await Promise.all([runOn(pair.reference, steps), runOn(pair.target, steps)]);
  statistics.cases += 1;

  // Against the reference the list is only tried out: it must fit what npm Faye answers.
  const { expected: expectedOurs, used } = expectedOfOurs(faye, differs, name, pair.timeoutSeconds);
  const expected = targetIsReference ? faye.observations : expectedOurs;
  if (process.env.FAYE_SHOW) {
    console.log(`=== ${name}\n${render(faye.observations)}`);
    if (used.length) console.log(`--- ours, by ${used.join(', ')}\n${render(expectedOurs)}`);
  }
  if (used.length === 0) statistics.equal += 1;
  for (const id of used) statistics.differences.set(id, (statistics.differences.get(id) ?? 0) + 1);

  const wanted = render(expected);
  const got = render(ours.observations);
  if (wanted === got) return;
  assert.fail([
    `the replies differ${used.length && !targetIsReference ? ` beyond ${used.join(', ')}` : ''}`,
    `npm Faye:\n${render(faye.observations)}`,
    ...(used.length && !targetIsReference ? [`expected of our server:\n${wanted}`] : []),
    `our server:\n${got}`,
    '',
  ].join('\n\n'));
}

export function summary() {
  const counted = [...statistics.differences].sort(([left], [right]) =>
    Number(left.slice(1)) - Number(right.slice(1)));
  return [
    `${statistics.cases} cases ran, ${statistics.equal} of them equal without any difference`,
    ...counted.map(([id, count]) => `${count} rest on ${id}`),
  ];
}

export const usedDifferences = () => new Set(statistics.differences.keys());
