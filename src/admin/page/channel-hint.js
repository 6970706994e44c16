// Completes an error of the server with an example if the channel is invalid.

const INVALID_CHANNEL = 405;

/** Returns the message of the error; for an invalid channel it ends with a valid one. */
export function withChannelHint({ code, message }) {
  return code === INVALID_CHANNEL ? `${message}; write for example /chat/room` : message;
}
