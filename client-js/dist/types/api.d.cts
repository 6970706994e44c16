/**
 * The exports that all entries share.
 */
export { FayeError } from './error.cjs';
export { Subscription } from './subscription.cjs';
export type { SubscribeOptions } from './subscription.cjs';
export { Publication } from './publication.cjs';
export type { PublishOptions } from './publication.cjs';
export { Scheduler } from './scheduler.cjs';
export type { SchedulerClass, SchedulerOptions } from './scheduler.cjs';
export type { ConnectionType, Feature } from './options.cjs';
export type { ChannelEvent, ClientEvents } from './events.cjs';
export type { ConnectionEvent, ConnectionState } from './connection.cjs';
export type { Extension } from './extensible.cjs';
export type { Advice, Message } from './message.cjs';
export type { Level, Logger } from './logger.cjs';
export type { TokenSource } from './token.cjs';
export type { ReplaySource } from './replay.cjs';
export { VERSION } from './version.cjs';
