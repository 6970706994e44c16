/**
 * The application's extensions: each sees every message on its way out and in, and may change, hold or drop it.
 */

import { throwLater } from './clock.js';
import type { Message } from './message.js';

type Pass = (message: Message | null) => void;

/**
 * Faye's shape: functions of `(message, callback)` or `(message, request, callback)`, where the request is null, because
 * only a server has one. The callback may be called later; null drops the message.
 */
export interface Extension {
  /** Called when the extension is added to a client. */
  added?(client: unknown): void;
  /** Called when the extension is removed from a client. */
  removed?(client: unknown): void;
  /**
   * Called with each message from the server, before the client processes it. Must call its last parameter with the message
   * for the client, or with null to drop it.
   */
  incoming?(message: any, requestOrCallback: any, callback: Pass): void;
  /**
   * Called once with each message to the server. Must call its last parameter with the message to send, or with null to drop
   * it; the promise of a dropped publication rejects.
   */
  outgoing?(message: any, requestOrCallback: any, callback: Pass): void;
}

/** The extensions of a client. */
export class Extensions {
  #list: Extension[] = [];

  /** Appends an extension. */
  add(extension: Extension, client: unknown): void {
    this.#list.push(extension);
    extension.added?.(client);
  }

  /** Removes one. */
  remove(extension: Extension, client: unknown): void {
    const index = this.#list.indexOf(extension);
    if (index < 0) return;
    this.#list.splice(index, 1);
    extension.removed?.(client);
  }

  /** Gives `done` what the extensions make of a message: null when one dropped it. It is called at most once. */
  pipe(stage: 'incoming' | 'outgoing', message: Message, done: Pass): void {
    const extensions = this.#list.filter((extension) => extension[stage]);
    const next = (index: number, current: Message | null): void => {
      const extension = extensions[index];
      if (!current || !extension) return done(current);
      let called = false;
      const pass: Pass = (result) => {
        if (called) return;
        called = true;
        next(index + 1, result);
      };
      const run = extension[stage] as (...values: unknown[]) => void;
      // A message that an extension fails on goes no further.
      try {
        if (run.length >= 3) run.call(extension, current, null, pass);
        else run.call(extension, current, pass);
      } catch (error) {
        throwLater(error);
        pass(null);
      }
    };
    next(0, message);
  }
}
