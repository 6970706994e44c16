// The conformance suite for hubs: a test for each line of the checklist. BASE_URL names the hub to test, such as
// http://127.0.0.1:8080/hub; without it the binary of this repository is started. Topics and callbacks are on loopback
// addresses (127.0.0.0/8), which the hub has to accept.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Hub } from '../../lib/websub/bench.mjs';
import { startOurHub } from '../../lib/websub/ours.mjs';
import { TopicServer } from '../../lib/websub/topic.mjs';
import { CHECKLIST, LINES } from './checks/index.mjs';
import { runPart } from './run.mjs';

const { BASE_URL, HUB_LINK, HUB_POLICY = 'open', HUB_PATIENCE = '30' } = process.env;
const patience = 1_000 * Number(HUB_PATIENCE);

const started = [];
let hub;
let topics;

/** The binary with short retries and leases, so that their ends can be waited for. */
async function ourHub() {
  const retries = ['50ms', '100ms'];
  const ours = await startOurHub({ lease_min: '1s', retries });
  started.push(ours.server);
  let strict;
  return new Hub({
    ...ours,
    tries: 1 + retries.length,
    isOurs: true,
    hasShortLeases: true,
    async strict() {
      if (strict) return strict;
      const other = await startOurHub({ policy: 'advertised' });
      started.push(other.server);
      strict = new Hub(other);
      return strict;
    },
  });
}

before(async () => {
  assert.ok(['open', 'advertised'].includes(HUB_POLICY), `HUB_POLICY may be "open" or "advertised", not "${HUB_POLICY}"`);
  topics = await TopicServer.start({ patience });
  hub = BASE_URL ? new Hub({ url: BASE_URL, link: HUB_LINK ?? BASE_URL, isOpen: HUB_POLICY === 'open' }) : await ourHub();
});

after(async () => {
  await topics?.web.stop();
  for (const server of started) await server.discard();
});

test('each line of the checklist has a test', () => {
  assert.deepEqual(CHECKLIST.map(({ number }) => number), Array.from({ length: LINES }, (_, index) => index + 1));
  for (const { number, parts } of CHECKLIST) assert.notEqual(Object.keys(parts).length, 0, `${number} has no part`);
});

for (const { number, text, parts } of CHECKLIST) {
  test(`${number}. ${text}`, async (context) => {
    for (const [name, part] of Object.entries(parts)) {
      await context.test(name, (inner) => runPart(part, { hub, topics, patience }, inner));
    }
  });
}
