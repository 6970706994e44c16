/**
 * The features that the options of a client ask for.
 */

import { Ack } from './ack.js';
import type { FayeError } from './error.js';
import type { Feature } from './feature.js';
import type { ClientOptions } from './options.js';
import { Replay } from './replay.js';
import { Token } from './token.js';

/** `address` tells clients of one page apart. `gap` is called when messages are lost because the server does not keep them so long. */
export function featuresOf(
  { token, ack, replay, remember }: ClientOptions,
  address: string,
  gap: (channel: string, error: FayeError) => void,
): Feature[] {
  const features: Feature[] = [];
  if (token) features.push(new Token(token));
  if (ack) features.push(new Ack());
  const key = remember ? `faye:${address}:${remember}` : undefined;
  if (replay !== undefined && replay !== false) features.push(new Replay(replay, gap, key));
  return features;
}

/** Before the page may go away. */
export function saveAll(features: Feature[]): void {
  for (const feature of features) feature.save?.();
}
