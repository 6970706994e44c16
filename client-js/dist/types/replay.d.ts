/**
 * The extension `ext.replay`: a subscription says after which message it wants to continue, so that what was published
 * while the client was away arrives. Positions are `ext.replay.id` of a message, or `data.event.replayId`
 * (Salesforce); `faye-server` also sends cursors, which hold for patterns. Without the extension on the server, nothing happens.
 */
import { type FayeError } from './error.js';
import { type Feature } from './feature.js';
import type { Message } from './message.js';
/** The start of a subscription: `true` or -1 for new messages, -2 for all kept messages, a position, or one per channel. */
export type ReplaySource = boolean | number | Record<string, number>;
/** The feature of the option `replay`. */
export declare class Replay implements Feature {
    #private;
    /** `gap` is called when messages are lost because the server does not keep them so long. `key`: where to remember. */
    constructor(source: ReplaySource, gap: (channel: string, error: FayeError) => void, key?: string);
    /** Remembers where to go on after a reload. */
    save(): void;
    /** Sets where a subscription begins, unless it goes on where an earlier one ended. */
    start(channel: string, position: number | undefined): void;
    /** Says where to go on. */
    outgoing(message: Message): void;
    /** Remembers the position. Returns false for a message that has arrived before. */
    incoming(message: Message): boolean | void;
    /** Whether to begin with what the server still has. */
    retries(message: Message, error: FayeError): boolean;
}
