/**
 * Events, with the names of Node's emitter and of Faye's own (`bind`, `unbind`, `trigger`).
 */
type Listener = (...values: any[]) => void;
/** An event emitter. `Events` maps each event to the arguments of its listeners. */
export declare class Emitter<Events extends Record<string, unknown[]>> {
    #private;
    /** `names` lists the events, separated by spaces. A listener for another name causes a warning. */
    constructor(names: string);
    /** Adds a listener. An unknown event causes a warning. */
    on<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Adds a listener, like `on`. */
    addListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Adds a listener that is called at most once. */
    once<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Removes a listener; the one added last if it was added several times. */
    off<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Removes a listener, like `off`. */
    removeListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Removes all listeners of an event, or of every event if none is given. */
    removeAllListeners(event?: keyof Events & string): this;
    /** Returns the listeners of an event. */
    listeners(event: keyof Events & string): Listener[];
    /** Returns the number of listeners of an event. */
    countListeners(event: keyof Events & string): number;
    /** Adds a listener that is called with `context` as `this`, as in Faye. */
    bind<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void, context?: unknown): this;
    /** Removes a listener that `bind` added, or all listeners of the event if none is given. */
    unbind<Name extends keyof Events & string>(event: Name, listener?: (...values: Events[Name]) => void, context?: unknown): this;
    /** Calls the listeners of an event and returns whether it has any. A listener that throws does not stop the others. */
    emit<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
    /** Calls the listeners of an event, like `emit`. */
    trigger<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
}
export {};
