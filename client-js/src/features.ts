/**
 * The features that the options of a client ask for.
 */

import { Ack } from './ack.js';
import type { FayeError } from './error.js';
import type { Feature } from './feature.js';
import type { ClientOptions } from './options.js';
import { Replay } from './replay.js';
import { Token } from './token.js';

/** `gap` is called when messages are lost because the server does not keep them so long. */
export function featuresOf(
  { token, ack, replay }: ClientOptions,
  gap: (channel: string, error: FayeError) => void,
): Feature[] {
  const features: Feature[] = [];
  if (token) features.push(new Token(token));
  if (ack) features.push(new Ack());
  if (replay !== undefined && replay !== false) features.push(new Replay(replay, gap));
  return features;
}
