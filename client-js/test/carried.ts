/**
 * Opens one transport by itself, and records what it tells.
 */

import type { FayeError } from '../src/error.js';
import type { Message } from '../src/message.js';
import type { Kind, Settings, Transport } from '../src/transport/transport.js';

export class Heard {
  opened = 0;
  ready = 0;
  readonly received: Message[] = [];
  readonly failed: { messages: Message[]; error: FayeError }[] = [];
  readonly refused: { messages: Message[]; status: number }[] = [];
  readonly relayed: unknown[][] = [];
  readonly closed: FayeError[] = [];
}

export interface Opening {
  endpoint?: string;
  clientId?: string | undefined;
  settings?: Settings;
}

/** The transport, and what was heard of it. */
export function open(kind: Kind, { endpoint, clientId, settings }: Opening = {}): { transport: Transport; heard: Heard } {
  const heard = new Heard();
  const transport = kind.open({
    endpoint: new URL(endpoint ?? 'http://server.test/faye'),
    settings: settings ?? { headers: {} },
    clientId,
    to: {
      opened: () => (heard.opened += 1),
      ready: () => (heard.ready += 1),
      received: (messages) => heard.received.push(...messages),
      failed: (messages, error) => heard.failed.push({ messages, error }),
      refused: (messages, status) => heard.refused.push({ messages, status }),
      relayed: (...values) => heard.relayed.push(values),
      closed: (error) => heard.closed.push(error),
    },
  });
  return { transport, heard };
}
