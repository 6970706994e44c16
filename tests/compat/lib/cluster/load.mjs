// Who publishes and who listens while something happens to the nodes: official clients and raw ones, all behind the
// balancer.

import { Agent } from 'node:http';

import { openNodeClient } from '../node-client.mjs';
import { CommandError } from '../remote-client.mjs';
import { handshake, NoReply, openStream, post, RawSocket, subscribe } from './raw.mjs';

const NO_NODE = 503;
const PAUSE_BEFORE_STREAM_MILLISECONDS = 100;

/** The clients that listen under load: every version, every transport that it has in Node. */
export const LISTENERS = [
  ['faye-0.8.11', 'long-polling'],
  ['faye-1.0.4', 'websocket'],
  ['faye-1.2.5', 'long-polling'],
  ['faye', 'websocket'],
];

/** For tests that are about nodes, not about clients. */
export const TWO_LISTENERS = LISTENERS.slice(2);

/** What reached a client, with the sessions that it had, read out of its log. */
function asSubscriber(client, patterns, where) {
  const incoming = (matches) => client.log.since(0, ({ kind, message }) => kind === 'incoming' && matches(message));
  return {
    name: `${client.name}${where}`,
    patterns,
    clientIds: () => [...new Set(incoming((message) => message.channel === '/meta/handshake' && message.successful)
      .map(({ message }) => message.clientId))],
    arrivals: () => incoming((message) => message.data?.publisher !== undefined)
      .map(({ message }) => ({ ...message.data, channel: message.channel })),
  };
}

/** Opens clients that are subscribed to the patterns; `where` is added to their names. */
export async function addListeners(workbench, ledger, url, patterns, listeners = LISTENERS, where = '') {
  return Promise.all(listeners.map(async ([version, transport]) => {
    const client = await workbench.openClient({ url }, { version, transport });
    await client.connectSubscribed(patterns[0]);
    for (const pattern of patterns.slice(1)) await client.subscribe(pattern);
    ledger.addSubscriber(asSubscriber(client, patterns, where));
    return client;
  }));
}

/** How `workbench.openClient` opens them. */
export const openListener = ({ url }, { version, transport }) => openNodeClient(version, version, transport, url);

/** A session that is read by one stream after the other, as browsers do it. */
export async function addStream(workbench, ledger, url, patterns) {
  const clientId = await handshake(url);
  for (const pattern of patterns) await subscribe(url, clientId, pattern);
  const arrivals = [];
  let stream;
  let isOver = false;
  const open = () => {
    if (isOver) return;
    stream = openStream(url, clientId, (message) => {
      if (message.data?.publisher !== undefined) arrivals.push({ ...message.data, channel: message.channel });
    }, () => setTimeout(open, PAUSE_BEFORE_STREAM_MILLISECONDS));
  };
  open();
  workbench.atEnd(() => {
    isOver = true;
    stream.close();
  });
  ledger.addSubscriber({ name: 'a stream', patterns, clientIds: () => [clientId], arrivals: () => arrivals });
}

/** The error after which a publication may be in Redis all the same. */
const MAYBE = /503.*Not accepted/;

function outcomeOf({ successful, error }) {
  if (successful) return 'accepted';
  return MAYBE.test(error) ? 'unknown' : 'refused';
}

/** Publishes by POST over one connection, whose requests the balancer spreads. */
export function byPost(workbench, url) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  workbench.atEnd(() => agent.destroy());
  return async (channel, data) => {
    try {
      const [reply] = await post(url, [{ channel, data }], agent);
      return outcomeOf(reply);
    } catch (error) {
      return error instanceof NoReply && error.status === NO_NODE ? 'refused' : 'unknown';
    }
  };
}

/** Publishes over a WebSocket, and opens another one when it ends. */
export function bySocket(workbench, url) {
  let socket = null;
  let sent = 0;
  workbench.atEnd(() => socket?.close());
  return async (channel, data) => {
    try {
      if (!socket?.isOpen) socket = await RawSocket.open(url);
    } catch {
      return 'refused';
    }
    sent += 1;
    const reply = await socket.ask({ channel, data, id: `p${sent}` });
    if (!reply) return 'unknown';
    return outcomeOf(reply);
  };
}

/** Publishes with an official client. It sends again what was not answered, so that may arrive twice. */
export function byClient(client) {
  return async (channel, data) => {
    try {
      await client.publish(channel, data);
      return 'accepted';
    } catch (error) {
      if (error instanceof CommandError) return MAYBE.test(error.message) ? 'unknown' : 'refused';
      throw error;
    }
  };
}

/** A publisher of each kind. */
export async function startPublishers(workbench, ledger, url, channels) {
  ledger.startPublisher('by post', channels, byPost(workbench, url));
  ledger.startPublisher('by socket', channels, bySocket(workbench, url));
  const client = await workbench.openClient({ url }, { version: 'faye', transport: 'websocket' });
  await client.connect();
  ledger.startPublisher('by client', channels, byClient(client));
}
