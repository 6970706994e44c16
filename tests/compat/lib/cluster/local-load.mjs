// A publisher and listeners at each node, without a balancer: for tests in which nodes are not ready, and go on all the
// same.

import { openLedger } from './ledger.mjs';
import { addListeners, byPost, TWO_LISTENERS } from './load.mjs';

/** @returns the ledger; publishers are called as their nodes are, and names of listeners end in them */
export async function startLocalLoad(workbench, nodes, patterns, channels) {
  const ledger = openLedger(workbench);
  for (const node of nodes) await addListeners(workbench, ledger, node.url, patterns, TWO_LISTENERS, ` at ${node.name}`);
  for (const node of nodes) ledger.startPublisher(node.name, channels, byPost(workbench, node.url));
  return ledger;
}

/** Waits until each node's publisher had so many accepted in this phase. */
export async function acceptedEverywhere(ledger, nodes, count) {
  for (const { name } of nodes) await ledger.accepted(count, ({ publisher }) => publisher === name);
}
