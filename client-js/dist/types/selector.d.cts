/**
 * Which transport is used: the best that works. Better ones are opened while a lesser one serves; one that stops
 * working is left, and tried again later. It knows nothing of messages' meaning.
 */
import type { Candidate, SelectorListener } from './candidate.cjs';
import { type FayeError } from './error.cjs';
import type { Kind, Settings } from './transport/transport.cjs';
export declare class Selector {
    #private;
    readonly candidates: Candidate[];
    current: Candidate | undefined;
    clientId: string | undefined;
    constructor(kinds: readonly Kind[], endpointFor: (type: string) => URL, settings: Settings, listener: SelectorListener);
    disable(type: string): void;
    isDisabled(feature: string): boolean;
    /** The types that this client can use with its endpoints. */
    types(): string[];
    /** A session begins or ends. Without a session, only what needs none may be used. */
    begin(clientId: string | undefined, offered: string[] | undefined): void;
    /** Takes the best transport that is open, and opens better ones. */
    select(): void;
    /** A transport ended, or is to end because it does not answer. */
    fail(candidate: Candidate, error: FayeError): void;
    /**
     * Nothing is used until `select` is called again, because a transport failed. Where nothing has answered since
     * others were left alone, their failure said nothing about them.
     */
    release(failed?: Candidate): void;
    /** Forgets who did not work: the network is another one now. */
    forgive(): void;
    /** Closes everything. */
    close(): void;
}
