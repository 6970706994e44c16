/**
 * Events, with the names of Node's emitter and of Faye's own (`bind`, `unbind`, `trigger`).
 */
type Listener = (...values: any[]) => void;
/** `Events` names each event and the arguments of its listeners. */
export declare class Emitter<Events extends Record<string, unknown[]>> {
    #private;
    /** `names` is a text with the events that there are; a listener for another one is warned of. */
    constructor(names: string);
    /** Adds a listener. A name that is no event of the client is warned of. */
    on<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Adds a listener, as `on`. */
    addListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Adds a listener that is called once. */
    once<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Removes a listener, the last that was added if there are several. */
    off<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Removes a listener, as `off`. */
    removeListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Without an event: of every event. */
    removeAllListeners(event?: keyof Events & string): this;
    /** The listeners of an event. */
    listeners(event: keyof Events & string): Listener[];
    /** How many listeners an event has. */
    countListeners(event: keyof Events & string): number;
    /** Adds a listener that is called with `context` as `this`, as with Faye. */
    bind<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void, context?: unknown): this;
    /** Without a listener: every listener of the event. */
    unbind<Name extends keyof Events & string>(event: Name, listener?: (...values: Events[Name]) => void, context?: unknown): this;
    /** Gives whether anybody listens. A listener that throws does not keep the others from hearing. */
    emit<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
    /** Calls the listeners of an event, as `emit`. */
    trigger<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
}
export {};
