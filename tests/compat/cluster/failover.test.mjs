// The master of Redis dies or freezes, and its sentinels make the replica the master.

import { acceptedEverywhere, startLocalLoad } from '../lib/cluster/local-load.mjs';
import { ready } from '../lib/cluster/metrics.mjs';
import { startNodes, testNodes } from '../lib/cluster/nodes.mjs';
import { startSentinels } from '../lib/cluster/sentinel.mjs';
import { until } from '../lib/cluster/waiting.mjs';

const CHANNELS = ['/h/a', '/n/a'];
const AS_IT_GOES = 'as the master goes';
const AWAY = 'while there is no master';

const followsTheSentinels = (leave) => async (workbench) => {
  const redis = await startSentinels(workbench);
  const { nodes } = await startNodes(workbench, { redis, startBalancer: null });
  const ledger = await startLocalLoad(workbench, nodes, CHANNELS, CHANNELS);
  await acceptedEverywhere(ledger, nodes, 20);
  await ledger.everybodyHasWhatWasAccepted();
  ledger.phase = AS_IT_GOES;
  await acceptedEverywhere(ledger, nodes, 10);
  await redis.master[leave]();
  ledger.phase = AWAY;
  await redis.promoted();
  // Not before each has seen that the old one is gone: a node could be called ready that has not noticed yet.
  await until('every node is at the new master', async () =>
    (await redis.replica.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).trim().split('\n').filter(Boolean).length >= nodes.length);
  await ready(...nodes);
  ledger.phase = 'at the new master';
  await acceptedEverywhere(ledger, nodes, 20);
  await ledger.judge(nodes[0].url, {
    mayBeOutOfOrder: ({ phase }) => phase === AS_IT_GOES || phase === AWAY,
    // The master may have told some nodes, and not its replica.
    mayBeLost: ({ phase }) => phase === AS_IT_GOES,
  });
};

testNodes('nodes follow the sentinels to the new master', followsTheSentinels('crash'));
// The connections to the old one stay open.
testNodes('nodes follow the sentinels away from a frozen master', followsTheSentinels('stall'));
