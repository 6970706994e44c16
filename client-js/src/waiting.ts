/**
 * What is to be done once there is a session.
 */

import { attempt } from './clock.js';
import type { FayeError } from './error.js';

interface Task {
  run(): void;
  fail(error: FayeError): void;
  /** It stays when a handshake is refused, because a later one may be accepted. */
  isLasting: boolean;
}

export class Waiting {
  #tasks: Task[] = [];

  /** Whether nothing waits but what may wait for a later session. */
  get isEmpty(): boolean {
    return this.#tasks.every(({ isLasting }) => isLasting);
  }

  add(task: Task): void {
    this.#tasks.push(task);
  }

  runAll(): void {
    for (const { run } of this.#tasks.splice(0)) attempt(run);
  }

  /** Fails what does not last, or everything. */
  fail(error: FayeError, isFinal: boolean): void {
    const tasks = this.#tasks.splice(0);
    this.#tasks = tasks.filter(({ isLasting }) => isLasting && !isFinal);
    for (const { isLasting, fail } of tasks) if (!isLasting || isFinal) fail(error);
  }
}
