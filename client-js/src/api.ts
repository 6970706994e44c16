/**
 * The exports that all entries share.
 */

export { FayeError } from './error.js';
export { Subscription } from './subscription.js';
export type { SubscribeOptions } from './subscription.js';
export { Publication } from './publication.js';
export type { PublishOptions } from './publication.js';
export { Scheduler } from './scheduler.js';
export type { SchedulerClass, SchedulerOptions } from './scheduler.js';
export type { ConnectionType, Feature } from './options.js';
export type { ChannelEvent, ClientEvents } from './events.js';
export type { ConnectionEvent, ConnectionState } from './connection.js';
export type { Extension } from './extensible.js';
export type { Advice, Message } from './message.js';
export type { Level, Logger } from './logger.js';
export type { TokenSource } from './token.js';
export type { ReplaySource } from './replay.js';
export { VERSION } from './version.js';
