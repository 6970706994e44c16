/**
 * What the selector knows of each transport, and what it tells.
 */
import type { FayeError } from './error.cjs';
import type { Message } from './message.cjs';
import type { Kind, Transport } from './transport/transport.cjs';
/** One kind of transport, and how it has fared. Times are milliseconds since 1970. */
export interface Candidate {
    readonly kind: Kind;
    readonly endpoint: URL;
    transport: Transport | undefined;
    isOpen: boolean;
    openedAt: number;
    /** Whether a reply came over it since it was opened. */
    isProven: boolean;
    /** Whether a reply ever came over it. */
    hasWorked: boolean;
    shunnedAt: number;
    shunnedUntil: number;
    shunned: number;
    timer: ReturnType<typeof setTimeout> | undefined;
}
export interface SelectorListener {
    /** Another transport is in use now, or none. */
    switched(): void;
    ready(): void;
    received(messages: Message[]): void;
    /** The transport in use failed, with these messages; without messages: with all that it carried. */
    failed(candidate: Candidate, transport: Transport, messages: Message[] | undefined, error: FayeError): void;
    /** Messages have to go another way, but the transport in use is not at fault. */
    moved(transport: Transport, messages: Message[] | undefined): void;
    /** Whether the server is there, from a transport that hears of it from others. */
    relayed(isUp: boolean, error: FayeError | undefined, retryIn: number | undefined): void;
    /** No transport is open or being opened. */
    stranded(): void;
    /** The session ended with its transport. */
    lost(error: FayeError): void;
    refused(messages: Message[], status: number): void;
}
