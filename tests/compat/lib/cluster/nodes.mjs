// Three nodes of the server, joined by Redis, behind a balancer.

import { Workbench, registerTest } from '../workbench.mjs';
import { OUR_SERVER, startServer } from '../server.mjs';
import { startHaproxy } from './balancers.mjs';
import { openListener } from './load.mjs';
import { ready } from './metrics.mjs';
import { startRedis } from './redis.mjs';
import { abandonWaiting, describeWaiting } from './waiting.mjs';

const SIZE = 3;

/**
 * For tests in which no node may be taken for dead, however slow the machine is. What is waited for of Redis has short
 * bounds, so that nobody waits long for what a test takes away.
 */
export const CALM = {
  FAYE_REDIS__HEARTBEAT: '200ms',
  FAYE_REDIS__LEASE: '10s',
  FAYE_REDIS__DEADLINE: '1s',
  FAYE_REDIS__PROBE: '500ms',
  FAYE_REDIS__DRAIN_DELAY: '1s',
};

/** For tests in which a node dies: its sessions are adopted soon. */
export const QUICK = { ...CALM, FAYE_REDIS__LEASE: '1s' };

/** Channels below /h have history. */
export const SETTINGS = `
[[channel]]
match = "/h/**"
publish = "anyone"
subscribe = "anyone"
history = { messages = 10000, age = "1h" }

[[channel]]
match = "/**"
publish = "anyone"
subscribe = "anyone"
`;
export const hasHistory = (channel) => channel.startsWith('/h/');

/** Starts one node, which is ready, or not yet. */
export async function startNode(workbench, name, redisUrl, { environment = CALM, settings = SETTINGS } = {}) {
  const node = await startServer({
    FAYE_SERVER__TIMEOUT: '5s',
    FAYE_SERVER__TRUSTED_PROXIES: '127.0.0.1',
    ...environment,
    FAYE_REDIS__URL: redisUrl,
  }, OUR_SERVER, settings);
  node.name = name;
  workbench.atEnd(() => node.discard());
  workbench.alsoShow(() => `--- ${name} wrote:\n${node.errorOutput}`);
  return node;
}

/**
 * @param options { redis, size, environment, settings, urlOf, startBalancer }: `redis` is anything with a `url`,
 *                `urlOf(place)` the way of one node to it, `startBalancer` null for none
 * @returns { redis, nodes, balancer, url, origin }: `url` is the mount behind the balancer
 */
export async function startNodes(workbench, options = {}) {
  const redis = options.redis ?? await startRedis(workbench);
  const { size = SIZE, urlOf = () => redis.url, startBalancer = startHaproxy } = options;
  const nodes = await Promise.all(Array.from({ length: size }, (_, place) =>
    startNode(workbench, `node ${place + 1}`, urlOf(place), options)));
  await ready(...nodes);
  if (!startBalancer) return { redis, nodes };
  const balancer = await startBalancer(workbench, nodes);
  return { redis, nodes, balancer, origin: balancer.origin, url: `${balancer.origin}${new URL(nodes[0].url).pathname}` };
}

/** Registers a test of nodes; `workbench.openClient(server, { version, transport })` opens an official client. */
export function testNodes(title, body) {
  registerTest(title, openListener, (workbench) => {
    workbench.alsoShow(describeWaiting);
    workbench.atEnd(abandonWaiting);
    return body(workbench);
  }, OUR_SERVER);
}

/**
 * Three nodes in the place of one server, for the scenarios that every client goes through. They are shared by the
 * scenarios of one file, which use channels and sessions of their own; who needs other settings gets nodes of its own.
 */
export class NodesAsServer {
  #workbench = new Workbench();
  #shared = null;

  /** Scenarios that restart the one server. */
  except = /^a subscription works again after/;

  /** Every test ends what it opened, and must not end what others use. */
  #facade({ url, origin }) {
    return { url, origin, errorOutput: '', stop: async () => {}, discard: async () => {} };
  }

  async start(workbench, environment = {}) {
    if (Object.keys(environment).length > 0) {
      return this.#facade(await startNodes(workbench, { environment: { ...CALM, ...environment } }));
    }
    this.#shared ??= startNodes(this.#workbench);
    return this.#facade(await this.#shared);
  }

  discard() {
    return this.#workbench.discard();
  }

  toString() {
    return 'three nodes behind HAProxy';
  }
}
