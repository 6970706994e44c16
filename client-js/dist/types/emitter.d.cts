/**
 * Events, with the names of Node's emitter and of Faye's own (`bind`, `unbind`, `trigger`).
 */
type Listener = (...values: any[]) => void;
/** `Events` names each event and the arguments of its listeners. */
export declare class Emitter<Events extends Record<string, unknown[]>> {
    #private;
    /** `names` is a text with the events that there are; a listener for another one is warned of. */
    constructor(names: string);
    on<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    addListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    once<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    off<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    removeListener<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void): this;
    /** Without an event: of every event. */
    removeAllListeners(event?: keyof Events & string): this;
    listeners(event: keyof Events & string): Listener[];
    countListeners(event: keyof Events & string): number;
    bind<Name extends keyof Events & string>(event: Name, listener: (...values: Events[Name]) => void, context?: unknown): this;
    /** Without a listener: every listener of the event. */
    unbind<Name extends keyof Events & string>(event: Name, listener?: (...values: Events[Name]) => void, context?: unknown): this;
    /** Gives whether anybody listens. A listener that throws does not keep the others from hearing. */
    emit<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
    trigger<Name extends keyof Events & string>(event: Name, ...values: Events[Name]): boolean;
}
export {};
