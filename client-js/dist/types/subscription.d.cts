/**
 * What `subscribe` gives: one listener on one channel or pattern, and a promise of the server's answer.
 */
import { Deferrable } from './deferrable.cjs';
import type { Message } from './message.cjs';
type Callback<Data> = (data: Data) => void;
type ChannelCallback<Data> = (channel: string, data: Data) => void;
/** Resolves when the server accepted the subscription, rejects when it refused or when it was cancelled before. */
export declare class Subscription<Data = any> extends Deferrable {
    #private;
    /** The channel or pattern. */
    readonly channel: string;
    /** For the client; applications get one from `subscribe`. */
    constructor(channel: string, callback: Callback<Data> | undefined, context: unknown, end: (subscription: Subscription) => void);
    /** Also calls `callback` with the channel that each message was published to; useful with patterns. */
    withChannel(callback: ChannelCallback<Data>, context?: unknown): this;
    /** Ends the subscription. The server is told when nobody else in this client listens to the channel. */
    cancel(): void;
    /** Ends the subscription, as `cancel`. */
    unsubscribe(): void;
    /** Hands a message to the callbacks. */
    apply(_context: unknown, [message]: [Message]): void;
}
export {};
