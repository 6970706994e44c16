// The suite can fail: it accepts a correct hub and finds each fault of a faulty one by the test that is for it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Hub } from '../../lib/websub/bench.mjs';
import { TopicServer } from '../../lib/websub/topic.mjs';
import { CHECKLIST, LINES } from './checks/index.mjs';
import { FAULTS, SmallHub, TRIES } from './faulty-hub.mjs';
import { runPart } from './run.mjs';

const PATIENCE_MILLISECONDS = 30_000;
/** How long a test waits for an event that a faulty hub never causes. */
const PATIENCE_WITH_FAULTS_MILLISECONDS = 3_000;

/** The line of the checklist that finds a fault, the part of it, and what it reports. */
const FOUND_BY = {
  'prefix-compare': [9, 'more after the challenge', /did not confirm was sent/],
  'trimmed-challenge': [9, 'the challenge and a newline', /did not confirm was sent/],
  'follows-verification-redirects': [9, 'a redirection to a place that would confirm', /did not confirm was sent|was followed/],
  'follows-delivery-redirects': [13, 'a redirection is not followed, and the delivery is tried again', /delivery by .* was followed/],
  'state-before-verification': [4, 'a failed verification leaves the secret', /secret of a request that was not verified is used/],
  'deactivates-after-failure': [14, 'the next version is delivered', /not seen: a delivery/],
  'wrong-link-header': [12, 'of a topic with another hub and another canonical URL, where any topic is accepted',
    /not what the topic names/],
  'no-content-type': [11, 'the Content-Type, byte for byte', /Content-Type is not that of the topic/],
  'truncated-body': [11, 'the content, byte for byte', /65536 bytes of 300000/],
  'signs-without-secret': [15, 'without a secret there is no signature', /signed without a secret/],
  'perpetual-lease': [10, 'after its lease a subscription gets nothing', /delivered to after its lease/],
  'overwrites-callback-query': [8, 'a callback with a query that has parameters of the same names', /query of the callback changed/],
  '200-for-publish': [27, 'with and without subscribers, and for unknown topics', /a ping got 200, not 204/],
  'verifies-before-answering': [5, 'the answer comes before the callback answers the verification', /verifies before it answers/],
  'constant-challenge': [23, 'each verification has another one of at least 128 bits', /a challenge was used twice/],
  'silent-denial': [7, 'denied, where topics must name the hub', /not seen: a GET .* hub.mode=denied/],
  'one-topic-a-callback': [4, 'one callback may have several topics, and one topic several callbacks', /not seen: a delivery/],
};

const SUITE = fileURLToPath(new URL('hub.test.mjs', import.meta.url));

const running = [];

async function start(faults) {
  const [hub, strict] = await Promise.all(['open', 'advertised'].map((policy) => SmallHub.start({ faults, policy })));
  running.push(hub, strict);
  return new Hub({
    url: hub.url,
    link: hub.link,
    tries: TRIES,
    hasShortLeases: true,
    strict: async () => new Hub({ url: strict.url }),
  });
}

let topics;
before(async () => { topics = await TopicServer.start({ patience: PATIENCE_MILLISECONDS }); });
after(async () => {
  await topics.web.stop();
  for (const hub of running) await hub.stop();
});

test('each fault has a line that finds it', () => {
  assert.deepEqual(Object.keys(FOUND_BY).sort(), Object.keys(FAULTS).sort());
  assert.ok(Object.keys(FAULTS).length >= 12);
});

describe('faults', { concurrency: true }, () => {
  for (const [fault, [number, name, report]] of Object.entries(FOUND_BY)) {
    test(`${number} finds a hub that ${FAULTS[fault]} (${fault})`, async (context) => {
      const part = CHECKLIST.find((line) => line.number === number)?.parts[name];
      assert.ok(part, `${number} has no part "${name}"`);
      const hub = await start([fault]);
      await assert.rejects(runPart(part, { hub, topics, patience: PATIENCE_WITH_FAULTS_MILLISECONDS }, context), report);
    });
  }
});

/** Runs the suite as a program, against the hub at a URL; gives the numbers of the lines that fail, and of all lines. */
function runSuite(url) {
  // A test within a test would not write its results.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const options = { env: { ...environment, BASE_URL: url, HUB_PATIENCE: '30' } };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--test-reporter=tap', SUITE], options, (error, stdout) => {
      const numbers = (result) => [...stdout.matchAll(new RegExp(`^${result} \\d+ - (\\d+)\\.`, 'gm'))]
        .map(([, number]) => Number(number));
      resolve({ code: error?.code ?? 0, failed: numbers('not ok'), passed: numbers('ok'), stdout });
    });
  });
}

describe('the suite by BASE_URL', { concurrency: true }, () => {
  test('passes with a correct hub', async () => {
    const { url } = await start([]);
    const { code, failed, passed, stdout } = await runSuite(url);
    assert.deepEqual({ code, failed, passed: passed.length }, { code: 0, failed: [], passed: LINES }, stdout);
  });

  test('fails with a faulty one, at the line of the fault alone', async () => {
    const { url } = await start(['200-for-publish']);
    const { code, failed, passed, stdout } = await runSuite(url);
    assert.deepEqual({ code, failed, passed: passed.length }, { code: 1, failed: [27], passed: LINES - 1 }, stdout);
  });
});
