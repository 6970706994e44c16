/**
 * A stand-in until the client is here.
 */

export const VERSION = '0.1.0';

export class FayeError extends Error {
  constructor(
    readonly code: number | null,
    readonly params: string[],
    message: string,
  ) {
    super(message);
  }
}

export type Logger = ((text: string) => void) | undefined;
let logger: Logger;

export interface ClientOptions {
  timeout?: number;
  retry?: number;
  token?: string | (() => string | Promise<string>);
}

export type ConnectionState = 'unconnected' | 'connecting' | 'connected' | 'interrupted' | 'disconnected';

export interface ConnectionEvent {
  state: ConnectionState;
  reason: string;
  transport?: string;
  error?: FayeError;
  retryIn?: number;
}

export class Scheduler {}

export class Subscription extends Promise<void> {
  declare readonly channel: string;
  cancel(): void {}
  unsubscribe(): void {}
  withChannel(_listener: (channel: string, data: any) => void, _context?: unknown): this {
    return this;
  }
}

export class Publication extends Promise<void> {}

export class Client {
  constructor(_endpoint?: string | URL, _options?: ClientOptions) {}
  get state(): ConnectionState {
    return 'unconnected';
  }
  get transport(): string | undefined {
    return undefined;
  }
  get clientId(): string | undefined {
    return undefined;
  }
  subscribe(_channel: string, _listener?: ((data: any) => void) | null): Subscription {
    return new Subscription(() => {});
  }
  publish(_channel: string, _data: unknown): Publication {
    return new Publication(() => {});
  }
  handshake(): void {}
  connect(): void {}
  unsubscribe(): void {}
  addExtension(): void {}
  removeExtension(): void {}
  disable(): void {}
  setHeader(): void {}
  batch(change: () => void): void {
    change();
  }
  once(): void {}
  addListener(): void {}
  removeAllListeners(): void {}
  listeners(): void {}
  emit(): void {}
  bind(): void {}
  unbind(): void {}
  trigger(): void {}
  disconnect(): void {}
  on(_event: 'connection', _listener: (event: ConnectionEvent) => void): this;
  on(_event: 'transport:up' | 'transport:down', _listener: () => void): this;
  on(): this {
    return this;
  }
  removeListener(_event: string, _listener: (...values: any[]) => void): this {
    return this;
  }
}

export const Faye = {
  VERSION,
  Client,
  Scheduler,
  Error: FayeError,
  get logger(): Logger {
    return logger;
  },
  set logger(value: Logger) {
    logger = value;
  },
};
