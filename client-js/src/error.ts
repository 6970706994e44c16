/**
 * Errors of the client and of the server. The text form in Bayeux is `code:parameters:text`.
 */

/** The cause of a failed publication, subscription or session. */
export class FayeError extends Error {
  override readonly name = 'FayeError';
  /** The code of the server, such as 403; null if the error has none or is not from the server. */
  declare readonly code: number | null;
  /** The parameters of the error, such as the refused channel. */
  declare readonly params: string[];

  /** Creates an error from the parts of its text form. */
  constructor(code: number | null, params: string[], message: string) {
    super(message);
    this.code = code;
    this.params = params;
  }

  /** Returns the text form, `code:parameters:text`. */
  override toString(): string {
    return `${this.code}:${this.params.join(',')}:${this.message}`;
  }
}

/** Parses an error field. Text of another form becomes the message, as in Faye. */
export function parseError(text: unknown): FayeError {
  const given = typeof text === 'string' ? text : '';
  const parts = /^(\d{3}):([^:]*):([\s\S]*)$/.exec(given);
  if (!parts) return new FayeError(null, [], given);
  return new FayeError(Number(parts[1]), parts[2]!.split(','), parts[3]!);
}

/** Returns an error of the client itself. */
export const failure = (message: string): FayeError => new FayeError(null, [], message);
