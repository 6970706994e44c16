/**
 * Decides when a message is sent again and when it is abandoned: one scheduler for each message. An application may pass its
 * own class as the option `scheduler`, as in Faye.
 */
import type { Message } from './message.js';
/** The limits of one message. */
export interface SchedulerOptions {
    /** Seconds until the reply is overdue. */
    timeout: number;
    /** Seconds until the message is sent again. */
    interval: number;
    /** The maximum number of times that it is sent. */
    attempts?: number | undefined;
    /** The time after which it is not sent again, in milliseconds since 1970. */
    deadline?: number | undefined;
}
/** Decides for one message when it is sent again and when it is abandoned. */
export interface Scheduler {
    /** The message. */
    message: Message;
    /** Its limits. */
    options: SchedulerOptions;
    /** The number of times that the message was sent. */
    attempts: number;
    /** Seconds until the reply is overdue. */
    getTimeout(): number;
    /**
     * Seconds until the message is sent again. If the class does not override it, the client's backoff applies, which starts
     * at this interval.
     */
    getInterval(): number;
    /** Returns whether the message may be sent, for the first time or again. */
    isDeliverable(): boolean;
    /** Called when the message is sent. */
    send(): void;
    /** Called when the reply arrives. */
    succeed(): void;
    /** Called when an attempt fails. */
    fail(): void;
    /** Called when the message is abandoned. */
    abort(): void;
}
/** The type of the option `scheduler`. */
export type SchedulerClass = new (message: Message, options: SchedulerOptions) => Scheduler;
/** The default scheduler: sends a message until its attempts or its deadline are used up. An application may extend it. */
export declare const Scheduler: SchedulerClass & {
    /** The methods, which a derived scheduler may call. */
    readonly prototype: Scheduler;
};
