/**
 * A real server on this machine, of HTTP and WebSocket, for what only Node does.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';

export interface Asked {
  request: IncomingMessage;
  body: string;
}

export class Local {
  readonly asked: Asked[] = [];
  readonly upgrades: IncomingMessage[] = [];
  readonly sockets: WebSocket[] = [];
  readonly frames: string[] = [];
  /** What is answered to each request. */
  respond: (asked: Asked, response: ServerResponse) => void = (_, response) => response.end('[]');
  /** What is done with each frame. */
  onFrame: (text: string, socket: WebSocket) => void = () => {};
  upgradeHeaders: string[] = [];
  #http: Server;
  #open = new Set<Socket>();

  constructor() {
    this.#http = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        this.asked.push({ request, body });
        this.respond({ request, body }, response);
      });
    });
    this.#http.on('connection', (socket) => this.#open.add(socket));
    const sockets = new WebSocketServer({ server: this.#http });
    sockets.on('headers', (headers, request) => {
      this.upgrades.push(request);
      headers.push(...this.upgradeHeaders);
    });
    sockets.on('connection', (socket) => {
      this.sockets.push(socket);
      socket.on('message', (data) => {
        const text = String(data);
        this.frames.push(text);
        if (text === '[]') socket.send(text);
        else this.onFrame(text, socket);
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/faye`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}

/** Starts servers that end with their test. */
export function locally(): () => Promise<{ server: Local; endpoint: string }> {
  const started: Local[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.stop()));
  });
  return async () => {
    const server = new Local();
    const endpoint = await server.start();
    started.push(server);
    return { server, endpoint };
  };
}

/** Waits for what a real network brings, also on a machine that has much to do. */
export const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 4_000, interval: 5 });
