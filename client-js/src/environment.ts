/**
 * What the platform gives: the transports it has, best first, and what happens to the network and the page.
 */

import type { Message } from './message.js';
import type { ClientOptions } from './options.js';
import type { Kind, Settings } from './transport/transport.js';

export interface Watcher {
  /** The network may be there again, or the page is looked at again. */
  wake(): void;
  /** The network may be gone. */
  doubt(): void;
  /** The page goes away for good. */
  leave(): void;
}

export interface Environment {
  kinds(options: ClientOptions, endpoint: URL): Kind[];
  settings(options: ClientOptions): Settings;
  /** What relative endpoints are relative to. */
  base: string | undefined;
  /** Sends one last message as the page goes away. */
  beacon?(endpoint: URL, message: Message): void;
  /** Begins to watch; gives how to stop. */
  watch(watcher: Watcher): () => void;
}
