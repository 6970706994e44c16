//! The events that the decoder returns.

use bytes::Bytes;

/// An event of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole message (RFC 6455, section 5.6): unmasked, joined from its fragments, and inflated.
    Message {
        /// The payload, at most [`Limits::message`](super::Limits::message) bytes. The payload of one uncompressed frame is a
        /// slice of the caller's buffer and keeps it alive: copy it to keep it for long.
        payload: Bytes,
        /// True for a text message, whose payload is valid UTF-8. False for a binary message with any payload; Faye reads
        /// it as text too.
        text: bool,
    },
    /// A ping (section 5.5.2) with a payload of at most 125 bytes, which the pong has to repeat.
    Ping(Bytes),
    /// A pong (section 5.5.3) with a payload of at most 125 bytes.
    Pong(Bytes),
    /// A close frame (section 5.5.1), the last event of a connection.
    Close {
        /// The code, which an endpoint may send (section 7.4); `None` for an empty payload.
        code: Option<u16>,
        /// The reason, at most 123 bytes and often empty.
        reason: String,
    },
}
