/**
 * Channel names, and which patterns match them. It is pure.
 */

import type { Message } from './message.js';

export const HANDSHAKE = '/meta/handshake';
export const CONNECT = '/meta/connect';
export const SUBSCRIBE = '/meta/subscribe';
export const UNSUBSCRIBE = '/meta/unsubscribe';
export const DISCONNECT = '/meta/disconnect';

/** Whether a message is for the server itself. */
export const isMeta = ({ channel }: Message): boolean => channel?.startsWith('/meta/');

/** Every pattern that matches a channel: itself, `*` for its last segment, `**` for the rest. In Faye's order. */
export function patternsOf(channel: string): string[] {
  // The first segment is empty, because a name starts with a slash.
  const parent = channel.split('/').slice(0, -1);
  const patterns = ['/**', channel, [...parent, '*'].join('/')];
  for (let length = 2; length <= parent.length; length += 1) {
    patterns.push([...parent.slice(0, length), '**'].join('/'));
  }
  return [...new Set(patterns)];
}
