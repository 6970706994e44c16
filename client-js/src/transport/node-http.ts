/**
 * Long-polling in Node, by its own HTTP client: that one takes an agent, which is how proxies and certificates are
 * set there.
 */

import * as http from 'node:http';
import * as https from 'node:https';
import { failure } from '../error.js';
import type { Message } from '../message.js';
import { readResponse } from './fetch.js';
import { type Exchange, RequestTransport } from './request.js';
import type { Kind } from './transport.js';

/** A response of more is not read: nothing that a server of this kind sends is so large. */
const LARGEST_RESPONSE = 64 * 1024 * 1024;

class HttpTransport extends RequestTransport {
  protected exchange(messages: Message[]): Exchange {
    const { settings } = this.place;
    const endpoint = new URL(this.place.endpoint.href);
    const body = Buffer.from(JSON.stringify(messages));
    const headers: Record<string, string | number> = {
      'Content-Type': 'application/json', 'Content-Length': body.length, ...settings.headers,
    };
    const cookie = settings.cookies?.header(endpoint);
    if (cookie) headers['Cookie'] = cookie;
    const request = (endpoint.protocol === 'https:' ? https : http).request(endpoint, {
      ...settings.tls, method: 'POST', headers, agent: settings.agent as http.Agent | undefined,
    });
    const answer = new Promise<Message[] | number>((resolve, reject) => {
      const fail = (error: unknown): void => reject(failure(error instanceof Error ? error.message : String(error)));
      request.on('error', fail);
      request.on('response', (response) => {
        settings.cookies?.store(endpoint, response.headers['set-cookie'] ?? []);
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size > LARGEST_RESPONSE) request.destroy(new Error('The response is too large'));
        });
        response.on('error', fail);
        response.on('end', () => {
          try {
            resolve(readResponse(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
          } catch (error) {
            reject(error);
          }
        });
      });
    });
    request.end(body);
    return { answer, abort: () => request.destroy() };
  }
}

export const nodeLongPolling: Kind = {
  type: 'long-polling',
  isUsable: ({ href }) => /^https?:/.test(href),
  open: (place) => new HttpTransport(place),
};
