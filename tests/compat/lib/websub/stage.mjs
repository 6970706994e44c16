// What a test of the binary with a real publisher or subscriber starts: the binary, a topic server and a bench.

import { Bench, Hub } from './bench.mjs';
import { startOurHub } from './ours.mjs';
import { TopicServer } from './topic.mjs';

const PATIENCE_MILLISECONDS = 60_000;

/** Starts them for one test; they end with it. `settings` are those of `[hub]`. */
export async function openStage(context, settings) {
  const ours = await startOurHub(settings);
  context.after(() => ours.server.discard());
  const topics = await TopicServer.start({ patience: PATIENCE_MILLISECONDS });
  const hub = new Hub({ ...ours, isOurs: true });
  const bench = new Bench({ hub, topics, host: '127.0.0.1', patience: PATIENCE_MILLISECONDS });
  context.after(async () => {
    await bench.close();
    await topics.web.stop();
  });
  return { ...ours, hub, topics, bench };
}
