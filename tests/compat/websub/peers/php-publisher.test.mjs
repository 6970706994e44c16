// Debian's php-pubsubhubbub-publisher against the binary. It reports success only after 204.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { folderWith, run } from '../../lib/websub/program.mjs';
import { openStage } from '../../lib/websub/stage.mjs';

const LIBRARY = '/usr/share/php/Pubsubhubbub/Publisher/autoload.php';

const SCRIPT = `<?php
require '${LIBRARY}';
[, $hub, $topics] = $argv;
$publisher = new pubsubhubbub\\publisher\\Publisher($hub);
echo json_encode($publisher->publish_update(json_decode($topics)));
`;

test('php-pubsubhubbub-publisher publishes one topic and several', async (context) => {
  assert.ok(existsSync(LIBRARY), `${LIBRARY} is missing: run scripts/test-tools`);
  const { bench, url, root } = await openStage(context);
  const script = join(folderWith(context, { 'publish.php': SCRIPT }), 'publish.php');
  const publish = (hub, topics) => run('php', [script, hub, JSON.stringify(topics)]);
  const followed = [];
  for (const suffix of ['', '?a=b&c=d%20e']) {
    const [topic, callback] = [bench.topic({ suffix }), await bench.callback()];
    await bench.subscribed(callback, topic);
    await bench.follow(topic, callback);
    followed.push({ topic, callback });
  }
  for (const hub of [url, root]) {
    for (const { topic } of followed) topic.version += 1;
    assert.equal(await publish(hub, followed.map(({ topic }) => topic.url)), 'true');
    for (const { topic, callback } of followed) await callback.deliveryOf(topic.body());
  }
  const [{ topic, callback }] = followed;
  topic.version += 1;
  assert.equal(await publish(url, topic.url), 'true');
  await callback.deliveryOf(topic.body());
  assert.equal(await publish(url, 'http://127.0.0.1:1/nobody-subscribes'), 'true');
});
