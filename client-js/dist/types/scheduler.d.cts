/**
 * When a message is given up, and how long a reply may take: one scheduler for each message. An application may
 * pass a class of its own as the option `scheduler` (Faye's contract).
 */
import type { Message } from './message.cjs';
export interface SchedulerOptions {
    /** Seconds until a reply is missed. */
    timeout: number;
    /** Seconds until the message is sent again. */
    interval: number;
    /** How often it is sent at most. */
    attempts?: number | undefined;
    /** Until when it is sent, in milliseconds since 1970. */
    deadline?: number | undefined;
}
export interface Scheduler {
    message: Message;
    options: SchedulerOptions;
    /** How often the message was sent. */
    attempts: number;
    /** Seconds until a reply is missed. */
    getTimeout(): number;
    /**
     * Seconds until the message is sent again. A class that overrides it decides; otherwise the client's backoff does,
     * which begins at this interval.
     */
    getInterval(): number;
    /** Whether it may be sent (again). */
    isDeliverable(): boolean;
    send(): void;
    succeed(): void;
    fail(): void;
    abort(): void;
}
export type SchedulerClass = new (message: Message, options: SchedulerOptions) => Scheduler;
export declare const Scheduler: SchedulerClass & {
    readonly prototype: Scheduler;
};
