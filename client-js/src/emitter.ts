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

/** `Events` names each event and the arguments of its listeners. */
export class Emitter<Events extends Record<string, unknown[]>> {
  #entries = new Map<string, Entry[]>();
  #names: string;

  /** `names` is a text with the events that there are; a listener for another one is warned of. */
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

  /** Adds a listener. A name that is no event of the client is warned of. */
  on<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.#add(event, listener as Listener, this, false);
  }

  /** Adds a listener, as `on`. */
  addListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.on(event, listener);
  }

  /** Adds a listener that is called once. */
  once<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.#add(event, listener as Listener, this, true);
  }

  /** Removes a listener, the last that was added if there are several. */
  off<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    // As with Node, one of them, the last that was added.
    const last = [...(this.#entries.get(event) ?? [])].reverse().find((entry) => entry.listener === listener);
    return this.#remove(event, (entry) => entry === last);
  }

  /** Removes a listener, as `off`. */
  removeListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this {
    return this.off(event, listener);
  }

  /** Without an event: of every event. */
  removeAllListeners(event?: keyof Events & string): this {
    if (event === undefined) this.#entries.clear();
    else this.#entries.delete(event);
    return this;
  }

  /** The listeners of an event. */
  listeners(event: keyof Events & string): Listener[] {
    return (this.#entries.get(event) ?? []).map(({ listener }) => listener);
  }

  /** How many listeners an event has. */
  countListeners(event: keyof Events & string): number {
    return this.listeners(event).length;
  }

  /** Adds a listener that is called with `context` as `this`, as with Faye. */
  bind<Name extends keyof Events & string>(
    event: Name,
    listener: (...values: Events[Name]) => void,
    context?: unknown,
  ): this {
    return this.#add(event, listener as Listener, context, false);
  }

  /** Without a listener: every listener of the event. */
  unbind<Name extends keyof Events & string>(
    event: Name,
    listener?: (...values: Events[Name]) => void,
    context?: unknown,
  ): this {
    return this.#remove(event, (entry) =>
      listener === undefined || (entry.listener === listener && [context, context ?? this].includes(entry.context)));
  }

  /** Gives whether anybody listens. A listener that throws does not keep the others from hearing. */
  emit<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean {
    const entries = this.#entries.get(event) ?? [];
    for (const entry of entries) {
      if (entry.once) this.#remove(event, (other) => other === entry);
      attempt(() => entry.listener.apply(entry.context, values));
    }
    return entries.length > 0;
  }

  /** Calls the listeners of an event, as `emit`. */
  trigger<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean {
    return this.emit(event, ...values);
  }
}
