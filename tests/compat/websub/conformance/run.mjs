// Runs a part of a check with a bench of its own.

import { Bench } from '../../lib/websub/bench.mjs';

let count = 0;

/** A loopback address that no other part has: hubs limit and pause the requests to one host. */
function freshHost() {
  count += 1;
  return `127.${1 + Math.floor(count / 250) % 250}.7.${1 + count % 250}`;
}

/**
 * @param part      `(bench, context)`
 * @param options   `hub`, `topics`, `patience`
 * @param context   the context of the test, for diagnostics
 */
export async function runPart(part, options, context) {
  const bench = new Bench({ host: freshHost(), ...options });
  try {
    await part(bench, context);
  } finally {
    await bench.close();
  }
}
