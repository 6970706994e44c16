// The metrics of nodes that the tests look at. Their names stand here and nowhere else.

import { get } from 'node:http';

import { until } from './waiting.mjs';

export const METRICS = {
  /** 1 while the node reaches Redis. */
  redisUp: 'faye_redis_up',
  reconnects: 'faye_redis_subscriber_connections_total',
  /** Publications that came from Redis. */
  received: 'faye_cluster_received_total',
  /** Times that something was missing in a lane. */
  gaps: 'faye_redis_gaps_total',
  /** Publications that a node knows it missed. */
  missed: 'faye_redis_missed_total',
  /** Publications that it got from history afterwards. */
  recovered: 'faye_redis_recovered_total',
  moved: 'faye_sessions_imported_total',
  adopted: 'faye_sessions_adopted_total',
  released: 'faye_sessions_exported_total',
  fenced: 'faye_sessions_fenced_total',
  published: 'faye_publications_total',
  sessions: 'faye_sessions',
  /** Those of sessions that are about to arrive count too. */
  subscriptions: 'faye_subscriptions',
  webSockets: 'faye_websockets',
  streams: 'faye_eventsource_streams',
  polls: 'faye_held_connects',
};

/** Gives { status, text }, over a connection of its own. */
export function ask(origin, path) {
  return new Promise((resolve, reject) => {
    const outgoing = get(`${origin}${path}`, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode, text }));
    });
    outgoing.on('error', reject);
  });
}

/** The value of a metric, over all its labels. */
export async function metric(node, name) {
  const { text } = await ask(node.origin, '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (lines.length === 0) throw new Error(`${node.name} has no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

export async function sumOf(nodes, name) {
  const values = await Promise.all(nodes.map((node) => metric(node, name)));
  return values.reduce((sum, value) => sum + value, 0);
}

/** Waits until the sum over the nodes is right. */
export function metricIs(nodes, name, isRight) {
  return until(`${name} is right`, async () => isRight(await sumOf(nodes, name)));
}

async function isReady(node) {
  try {
    return (await ask(node.origin, '/readyz')).status === 200;
  } catch {
    return false;
  }
}

export const ready = (...nodes) => until(`ready: ${nodes.map(({ name }) => name)}`, async () =>
  (await Promise.all(nodes.map(isReady))).every(Boolean));

/** Alive, and not ready. */
export const notReady = (...nodes) => until(`not ready: ${nodes.map(({ name }) => name)}`, async () => {
  const answers = await Promise.all(nodes.map((node) => ask(node.origin, '/readyz')));
  return answers.every(({ status }) => status === 503);
});
