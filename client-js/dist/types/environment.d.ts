/**
 * What the platform gives: the transports it has, best first, and what happens to the network and the page.
 */
import type { Message } from './message.js';
import type { ClientOptions } from './options.js';
import type { Address, Kind, Settings } from './transport/transport.js';
export interface Watcher {
    /** The network may be there again, or the page is looked at again. */
    wake(): void;
    /** The network may be gone. */
    doubt(): void;
    /** The page may go away. */
    hide(): void;
    /** The page goes away for good. */
    leave(): void;
}
export interface Environment {
    kinds(options: ClientOptions, endpoint: Address): Kind[];
    settings(options: ClientOptions): Settings;
    /** Returns the whole address of an endpoint. Throws if there is none. */
    resolve(endpoint: string): Address;
    /** Sends one last message as the page goes away. */
    beacon?(endpoint: Address, message: Message): void;
    /** Begins to watch; gives how to stop. */
    watch(watcher: Watcher): () => void;
}
