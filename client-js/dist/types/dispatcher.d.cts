/**
 * Sends messages until each is answered or given up: keeps their order, gives each a deadline for its reply, and
 * waits longer after each failure. It knows when there is a session, but not what the messages mean.
 */
import type { Candidate, SelectorListener } from './candidate.cjs';
import type { Settle } from './envelope.cjs';
import { FayeError } from './error.cjs';
import type { Message } from './message.cjs';
import type { Limits } from './pipeline.cjs';
import { type SchedulerClass } from './scheduler.cjs';
import { Selector } from './selector.cjs';
import type { Kind, Settings, Transport } from './transport/transport.cjs';
export interface DispatcherOptions {
    retry: number;
    maxRetry: number;
    scheduler: SchedulerClass;
}
export interface DispatcherListener {
    /** A message, and what waits for it if it is a reply. */
    received(message: Message, settle: Settle | undefined): void;
    switched(): void;
    up(): void;
    /** Nothing is sent for so many milliseconds. */
    down(error: FayeError, retryIn: number, isFirst: boolean): void;
    lost(error: FayeError): void;
}
export declare class Dispatcher implements SelectorListener {
    #private;
    readonly selector: Selector;
    isUp: boolean | undefined;
    constructor(kinds: readonly Kind[], endpointFor: (type: string) => URL, settings: Settings, options: DispatcherOptions, listener: DispatcherListener);
    /** Sends a message with an id. */
    send(message: Message, limits: Limits, settle: Settle): void;
    /** Gives up a message. */
    abort(id: string, error: FayeError): void;
    /** Forgets messages without a word: nobody needs the reply any more. */
    forget(matches: (message: Message) => boolean): void;
    /** Gives up everything. */
    clear(error: FayeError): void;
    /** Messages that `act` sends leave together. */
    batch(act: () => void): void;
    /** Sends what waits, at the end of the current work so that what is sent together leaves together. */
    flush(): void;
    switched(): void;
    ready(): void;
    received(messages: Message[]): void;
    failed(candidate: Candidate, transport: Transport, messages: Message[] | undefined, error: FayeError): void;
    moved(transport: Transport, messages: Message[] | undefined): void;
    /** A request that the server did not read: its messages go again one by one, to find the one at fault. */
    refused(messages: Message[], status: number): void;
    relayed(isUp: boolean, error: FayeError | undefined, retryIn: number | undefined): void;
    stranded(): void;
    lost(error: FayeError): void;
    /** Tries again now. */
    retry(): void;
    /** The network may be there again: tries at once, and forgets what did not work. */
    wake(): void;
}
