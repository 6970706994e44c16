/**
 * What goes wrong, as errors that can be thrown. Bayeux writes an error as `code:parameters:text`.
 */

/** Why a publication, a subscription or a session failed. */
export class FayeError extends Error {
  override readonly name = 'FayeError';
  /** The server's code such as 403, or null when the failure has none or did not come from the server. */
  readonly code: number | null;
  /** The server's parameters, for example the channel that was refused. */
  readonly params: string[];

  /** An error with the parts that Bayeux gives it. */
  constructor(code: number | null, params: string[], message: string) {
    super(message);
    this.code = code;
    this.params = params;
  }

  /** As Bayeux writes it. */
  override toString(): string {
    return `${this.code}:${this.params.join(',')}:${this.message}`;
  }
}

/** Reads an error field. A text that is not of Bayeux's form becomes the message, as with Faye. */
export function parseError(text: unknown): FayeError {
  const given = typeof text === 'string' ? text : '';
  const parts = /^(\d{3}):([^:]*):([\s\S]*)$/.exec(given);
  if (!parts) return new FayeError(null, [], given);
  return new FayeError(Number(parts[1]), parts[2]!.split(','), parts[3]!);
}

/** A failure that no server told. */
export const failure = (message: string): FayeError => new FayeError(null, [], message);
