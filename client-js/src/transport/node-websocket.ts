/**
 * The WebSocket in Node: the package `ws` if the application has it, because it takes headers and agents; else the
 * platform's own, which takes neither.
 */

import { type Socket, WebSocketTransport } from './websocket.js';
import type { Kind, Settings } from './transport.js';

interface WsModule {
  WebSocket: new (url: string, options: object) => Socket & {
    terminate(): void;
    on(event: 'upgrade', listener: (response: { headers: Record<string, string[] | undefined> }) => void): void;
  };
}

/** How long a peer may take to answer a close. */
const CLOSE_MILLISECONDS = 1_000;

let ws: Promise<WsModule | undefined> | undefined;

/** The optional package. Without it this is no error. */
function loadWs(): Promise<WsModule | undefined> {
  ws ??= (import('ws') as unknown as Promise<WsModule>).catch(() => undefined);
  return ws;
}

async function create(url: string, settings: Settings): Promise<Socket> {
  const module = await loadWs();
  const { headers, agent, tls, cookies } = settings;
  const address = new URL(url.replace(/^ws/, 'http'));
  const cookie = cookies?.header(address);
  if (module) {
    const socket = new module.WebSocket(url, { ...tls, agent, headers: { ...headers, ...(cookie && { Cookie: cookie }) } });
    // A peer that is gone does not answer the close, and ws would keep the process alive for 30 s.
    const close = socket.close.bind(socket);
    socket.close = () => {
      close();
      setTimeout(() => socket.terminate(), CLOSE_MILLISECONDS).unref();
    };
    socket.on('upgrade', (response) => cookies?.store(address, response.headers['set-cookie'] ?? []));
    return socket;
  }
  if (typeof WebSocket !== 'function') throw new Error('Node has none before version 22: install the package ws');
  if (agent || tls || cookie || Object.keys(headers).length > 0) {
    throw new Error("Node's own takes no agent, certificates, cookies or headers: install the package ws");
  }
  return new WebSocket(url);
}

export const nodeWebSocket: Kind = {
  type: 'websocket',
  isSocket: true,
  isBlockable: true,
  isUsable: ({ href }) => /^(http|ws)s?:/.test(href),
  open: (place) => new WebSocketTransport(place, create),
};
