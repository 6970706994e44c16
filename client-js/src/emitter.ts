/**
 * Events, with the names of Node's emitter and of Faye's own (`bind`, `unbind`, `trigger`).
 */

import { attempt } from './clock.js';
import { checkName } from './logger.js';

type Listener = (...values: any[]) => void;

interface Entry {
  listener: Listener;
  context: unknown;
  once: boolean;
}

/** An event emitter. `Events` maps each event to the arguments of its listeners. */
export class Emitter<Events extends Record<string, unknown[]>> {
  #entries = new Map<string, Entry[]>();
  #names: string;

  /** `names` lists the events, separated by spaces. A listener for another name causes a warning. */
  constructor(names: string) {
    this.#names = names;
  }

  #add(event: string, listener: Listener, context: unknown, once: boolean): this {
    checkName('event', event, this.#names);
    const entries = this.#entries.get(event) ?? [];
    this.#entries.set(event, [...entries, { listener, context, once }]);
    return this;
  }

  #remove(event: string, matches: (entry: Entry) => boolean): this {
    const entries = (this.#entries.get(event) ?? []).filter((entry) => !matches(entry));
    if (entries.length > 0) this.#entries.set(event, entries);
    else this.#entries.delete(event);
    return this;
  }

  /** Adds a listener. An unknown event causes a warning. */
  on<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.#add(event, listener as Listener, this, false);
  }

  /** Adds a listener, like `on`. */
  addListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.on(event, listener);
  }

  /** Adds a listener that is called at most once. */
  once<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.#add(event, listener as Listener, this, true);
  }

  /** Removes a listener; the one added last if it was added several times. */
  off<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    // As in Node: only the one that was added last.
    const last = [...(this.#entries.get(event) ?? [])].reverse().find((entry) => entry.listener === listener);
    return this.#remove(event, (entry) => entry === last);
  }

  /** Removes a listener, like `off`. */
  removeListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.off(event, listener);
  }

  /** Removes all listeners of an event, or of every event if none is given. */
  removeAllListeners(event?: keyof Events & string): this {
    if (event === undefined) this.#entries.clear();
    else this.#entries.delete(event);
    return this;
  }

  /** Returns the listeners of an event. */
  listeners(event: keyof Events & string): Listener[] {
    return (this.#entries.get(event) ?? []).map(({ listener }) => listener);
  }

  /** Returns the number of listeners of an event. */
  countListeners(event: keyof Events & string): number {
    return this.listeners(event).length;
  }

  /** Adds a listener that is called with `context` as `this`, as in Faye. */
  bind<Name extends keyof Events & string>(
    event: Name,
    listener: (...values: Events[Name]) => void,
    context?: unknown,
  ): this {
    return this.#add(event, listener as Listener, context, false);
  }

  /** Removes a listener that `bind` added, or all listeners of the event if none is given. */
  unbind<Name extends keyof Events & string>(
    event: Name,
    listener?: (...values: Events[Name]) => void,
    context?: unknown,
  ): this {
    return this.#remove(event, (entry) =>
      listener === undefined || (entry.listener === listener && [context, context ?? this].includes(entry.context)));
  }

  /** Calls the listeners of an event and returns whether it has any. A listener that throws does not stop the others. */
  emit<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean {
    const entries = this.#entries.get(event) ?? [];
    for (const entry of entries) {
      if (entry.once) this.#remove(event, (other) => other === entry);
      attempt(() => entry.listener.apply(entry.context, values));
    }
    return entries.length > 0;
  }

  /** Calls the listeners of an event, like `emit`. */
  trigger<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean {
    return this.emit(event, ...values);
  }
}
