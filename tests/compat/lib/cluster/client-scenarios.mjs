// Has the scenarios that every client goes through run against three nodes in the place of one server.

import { after } from 'node:test';

import { NodesAsServer } from './nodes.mjs';

/** @param register  registers the scenarios with what stands for the server */
export function registerWithNodes(register) {
  const nodes = new NodesAsServer();
  after(() => nodes.discard());
  register(nodes);
}
