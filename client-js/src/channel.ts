/**
 * Channel names, and which patterns match them. It is pure.
 */

export const HANDSHAKE = '/meta/handshake';
export const CONNECT = '/meta/connect';
export const SUBSCRIBE = '/meta/subscribe';
export const UNSUBSCRIBE = '/meta/unsubscribe';
export const DISCONNECT = '/meta/disconnect';

/** Every pattern that matches a channel: itself, `*` for its last segment, `**` for the rest. In Faye's order. */
export function patternsOf(channel: string): string[] {
  const segments = channel.split('/').slice(1);
  const patterns = ['/**', channel];
  const parent = segments.slice(0, -1);
  patterns.push(`/${[...parent, '*'].join('/')}`);
  for (let length = 1; length <= parent.length; length += 1) {
    patterns.push(`/${[...segments.slice(0, length), '**'].join('/')}`);
  }
  return [...new Set(patterns)];
}
