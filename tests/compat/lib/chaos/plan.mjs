// What happens in a round, drawn from its seed. A plan is plain data: the clients and publishers with what they do, and the
// faults with their times in milliseconds after the load begins.
//
// Ten seeds in a row share a cluster, so that a round needs no start. The tens digit selects the kind of cluster.

import { Random } from './random.mjs';

export const SEEDS_OF_CLUSTER = 10;

/** Milliseconds; the settings of the nodes have the same. */
export const TIMES = { timeout: 3_000, heartbeat: 250, lease: 2_000, deadline: 500 };

/**
 * `ack`: of the setting redis.ack. `sentinels`: a master with a replica, without proxies before it. `clocks`: seconds by which
 * the clock of each node is wrong.
 */
export const CLUSTERS = [
  { name: 'three nodes', size: 3, ack: 'cluster' },
  { name: 'two nodes', size: 2, ack: 'cluster' },
  { name: 'three nodes that accept alone', size: 3, ack: 'local' },
  { name: 'three nodes with wrong clocks', size: 3, ack: 'cluster', clocks: [0, 3_600, -86_400] },
  { name: 'two nodes that accept alone', size: 2, ack: 'local' },
  { name: 'two nodes and sentinels', size: 2, ack: 'cluster', sentinels: true },
];

export const clusterOf = (seed) => CLUSTERS[Math.floor(seed / SEEDS_OF_CLUSTER) % CLUSTERS.length];

/** How often each fault is drawn. */
const FAULTS = {
  kill: 4, stop: 3, freeze: 3, 'freeze-long': 3, 'kill-pubsub': 3, 'kill-commands': 2, pause: 2, stall: 2, flush: 2,
  'memory-full': 2,
};
const BEHIND_PROXIES = { cut: 3, silence: 3, slow: 2, crash: 2 };
/** A master that does not answer for a second is replaced by the sentinels, at a time that they choose. */
const WITH_SENTINELS = { failover: 6, pause: 0, stall: 0 };

/** For how long a fault lasts: the shortest and the longest time. */
const LENGTHS = {
  kill: [0, 2_500],
  stop: [0, 500],
  freeze: [100, 900],
  'freeze-long': [TIMES.lease + 600, TIMES.lease + 1_200],
  cut: [50, 2_000],
  silence: [100, 2_000],
  slow: [300, 1_500],
  pause: [100, 1_800],
  stall: [100, 1_800],
  crash: [50, 800],
  'memory-full': [200, 1_500],
};

/** Faults of one node. The others are of Redis, and so of all nodes. */
const OF_A_NODE = new Set(['kill', 'stop', 'freeze', 'freeze-long', 'cut', 'silence', 'slow']);

/** Faults of which one at a time is possible, of each group. */
const EXCLUSIVE = {
  process: ['kill', 'stop', 'freeze', 'freeze-long'],
  link: ['cut', 'silence', 'slow'],
  redis: ['pause', 'stall', 'crash', 'failover', 'flush', 'memory-full', 'kill-pubsub', 'kill-commands'],
};

const groupOf = (kind) => Object.keys(EXCLUSIVE).find((group) => EXCLUSIVE[group].includes(kind));

function faultsOf(random, cluster, load) {
  const weights = { ...FAULTS, ...(cluster.sentinels ? WITH_SENTINELS : BEHIND_PROXIES) };
  const count = Number(random.weighted({ 0: 1, 1: 5, 2: 4, 3: 2 }));
  const faults = [];
  for (let index = 0; index < count; index += 1) {
    const kind = random.weighted(weights);
    const fault = { kind, at: random.between(200, load - 300) };
    if (OF_A_NODE.has(kind)) fault.node = random.between(0, cluster.size - 1);
    if (LENGTHS[kind]) fault.for = random.between(...LENGTHS[kind]);
    if (kind === 'slow') fault.delay = random.between(5, 150);
    const isTaken = faults.some((other) => groupOf(other.kind) === groupOf(kind) && other.node === fault.node);
    if (!isTaken) faults.push(fault);
  }
  return faults.sort((one, other) => one.at - other.at);
}

/** The channels of a round; those below /h have a history, those below /s need the push secret. */
export const channelsOf = (name) => [`/h/${name}/a`, `/h/${name}/b`, `/n/${name}/a`, `/n/${name}/b`, `/s/${name}/a`];
const patternsOf = (name) => [`/h/${name}/**`, `/h/${name}/a`, `/h/${name}/b`, `/n/${name}/*`, `/n/${name}/a`, `/n/${name}/**`,
  `/s/${name}/*`];

/** Where its next request or connection goes: to the same node, the next, or any. */
const WAYS = { stay: 2, round: 2, any: 3 };
const TRANSPORTS = { websocket: 3, 'long-polling': 4, eventsource: 3, 'callback-polling': 2 };

/** What a client does to its connections, by transport. */
const ACTIONS = {
  websocket: { cut: 2, reset: 2, 'half-close': 2, slow: 1, leave: 1 },
  eventsource: { cut: 2, reset: 2, 'half-close': 2, slow: 1, leave: 1 },
  'long-polling': { cut: 3, reset: 2, 'half-close': 2 },
  'callback-polling': { cut: 3, reset: 2, 'half-close': 2 },
};

function clientOf(random, place, name, cluster, load) {
  const transport = random.weighted(TRANSPORTS);
  const patterns = random.some(patternsOf(name), random.between(1, 3));
  const late = random.chance(0.3) ? { pattern: random.pick(patternsOf(name)), at: random.between(100, load) } : null;
  const actions = Array.from({ length: Number(random.weighted({ 0: 3, 1: 2, 2: 2, 4: 1 })) }, () => {
    const action = { at: random.between(100, load), do: random.weighted(ACTIONS[transport]) };
    if (action.do === 'slow') action.for = random.between(100, 1_500);
    return action;
  });
  return {
    name: `client ${place + 1} (${transport})`,
    transport,
    node: random.between(0, cluster.size - 1),
    way: random.weighted(WAYS),
    keepAlive: random.chance(0.5),
    /** How long it waits for a node that does not reply, beyond the time that a connect is held. */
    patience: random.between(300, 2_000),
    patterns,
    late: late && !patterns.includes(late.pattern) ? late : null,
    actions: actions.sort((one, other) => one.at - other.at),
  };
}

function publisherOf(random, place, name, cluster) {
  const kind = random.weighted({ post: 3, socket: 2, secret: 2 });
  const channels = channelsOf(name).filter((channel) => channel.startsWith('/s/') === (kind === 'secret'));
  return {
    name: `publisher ${place + 1} (${kind})`,
    kind,
    node: random.between(0, cluster.size - 1),
    way: random.weighted(WAYS),
    patience: random.between(500, 2_500),
    gap: random.pick([0, 3, 8, 20]),
    /** Of its messages how many are large, and how large. */
    large: random.chance(0.3) ? { share: 0.1, bytes: random.between(2_000, 60_000) } : null,
    channels: random.some(channels, random.between(1, 3)),
  };
}

/**
 * Adds a pattern from which a client unsubscribes, and a publisher with a session. A second generator draws them, so that the
 * rest of the plan of a seed is as it was before these existed.
 */
function add(random, plan, cluster, load) {
  for (const client of plan.clients) {
    client.unsubscribe = random.chance(0.3) ? { pattern: random.pick(client.patterns), at: random.between(100, load) } : null;
  }
  if (random.chance(0.4)) {
    const channels = channelsOf(plan.name).filter((channel) => !channel.startsWith('/s/'));
    plan.publishers.push({
      name: `publisher ${plan.publishers.length + 1} (session)`,
      kind: 'session',
      node: random.between(0, cluster.size - 1),
      way: random.weighted(WAYS),
      patience: random.between(500, 2_500),
      gap: random.pick([3, 8, 20]),
      large: null,
      channels: random.some(channels, random.between(1, 2)),
    });
  }
}

/**
 * @param seed  a whole number from 0
 * @param name  what stands in the channels of the round; differs if a seed is run again on the same cluster
 */
export function planOf(seed, name = `r${seed}`) {
  const cluster = clusterOf(seed);
  const load = new Random(seed, 'load').between(1_200, 3_000);
  const random = (what) => new Random(seed, what);
  const [clients, publishers] = [random('clients'), random('publishers')];
  const plan = {
    seed,
    name,
    cluster: cluster.name,
    load,
    faults: faultsOf(random('faults'), cluster, load),
    clients: Array.from({ length: clients.between(3, 6) }, (_, place) => clientOf(clients, place, name, cluster, load)),
    publishers: Array.from({ length: publishers.between(2, 3) }, (_, place) => publisherOf(publishers, place, name, cluster)),
  };
  add(random('more'), plan, cluster, load);
  return plan;
}
