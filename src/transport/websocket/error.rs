//! Protocol violations of clients, with their close codes and texts.

use thiserror::Error;
use tungstenite::protocol::frame::coding::CloseCode;

/// A violation by the client that ends the connection (RFC 6455, section 7.1.7).
///
/// [`Self::close_code`] is the code of the close frame. The text of the error is its reason: Faye's text if Faye has one, and
/// always shorter than the limit of 123 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A reserved bit without a meaning is set (section 5.2). The three bits, RSV1 first. Only RSV1 of the first frame of a
    /// message has a meaning, and only with compression (RFC 7692, section 6).
    #[error(
        "One or more reserved bits are on: reserved1 = {}, reserved2 = {}, reserved3 = {}",
        u8::from(.0[0]), u8::from(.0[1]), u8::from(.0[2])
    )]
    ReservedBits([bool; 3]),
    /// The opcode is one of 3 to 7 or 11 to 15 (section 5.2).
    #[error("Unrecognized frame opcode: {0}")]
    ReservedOpcode(u8),
    /// A control frame without the FIN bit (section 5.5). Its opcode.
    #[error("Received fragmented control frame: opcode = {0}")]
    FragmentedControl(u8),
    /// A control frame with a payload above 125 bytes (section 5.5). The length in its header, in bytes.
    #[error("Received control frame having too long payload: {0}")]
    LongControl(u64),
    /// An unmasked frame (section 5.1). Faye closes with 1003; the RFC requires 1002.
    #[error("Received unmasked frame but masking is required")]
    Unmasked,
    /// A 64-bit length with its most significant bit set (section 5.2).
    #[error("Received frame length with its most significant bit on")]
    LengthOverflow,
    /// A continuation frame when no message is unfinished (section 5.4).
    #[error("Received unexpected continuation frame")]
    UnexpectedContinuation,
    /// A new text or binary frame while a message is unfinished (section 5.4).
    #[error("Received new data frame but previous continuous frame is unfinished")]
    UnfinishedMessage,
    /// A close frame whose payload is a single byte, too short for a code (section 5.5.1).
    #[error("Received close frame with an incomplete code")]
    ClosePayload,
    /// A close frame with a code that no endpoint may send (section 7.4).
    #[error("Received close frame with an invalid code: {0}")]
    CloseCode(u16),
    /// A text message that is not UTF-8 (section 8.1).
    #[error("Could not decode a text frame as UTF-8")]
    TextEncoding,
    /// A close reason that is not UTF-8 (section 5.5.1).
    #[error("Could not decode a close reason as UTF-8")]
    ReasonEncoding,
    /// A compressed message that cannot be inflated (RFC 7692, section 7.2.2).
    #[error("Could not inflate a compressed message")]
    Compression,
    /// A frame longer than [`Limits::frame`](super::Limits::frame) (section 10.4).
    #[error("WebSocket frame length too large")]
    LongFrame,
    /// A message that did not arrive completely in time.
    #[error("message too slow")]
    Slow,
    /// The memory budget has no room for the unfinished message.
    #[error("out of memory for unfinished messages, try again later")]
    Exhausted,
    /// A message longer than [`Limits::message`](super::Limits::message) (section 10.4).
    #[error("WebSocket message length too large")]
    LongMessage,
}

impl DecodeError {
    /// Returns the close code (RFC 6455, section 7.4.1): 1007 for invalid UTF-8 and broken compression, 1009 for
    /// exceeded lengths, 1008 for slow messages, 1013 for exhausted memory, 1002 for all other violations.
    #[must_use]
    pub fn close_code(self) -> CloseCode {
        match self {
            Self::TextEncoding | Self::ReasonEncoding | Self::Compression => CloseCode::Invalid,
            Self::LongFrame | Self::LongMessage => CloseCode::Size,
            Self::Slow => CloseCode::Policy,
            Self::Exhausted => CloseCode::Again,
            Self::ReservedBits(_)
            | Self::ReservedOpcode(_)
            | Self::FragmentedControl(_)
            | Self::LongControl(_)
            | Self::Unmasked
            | Self::LengthOverflow
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::ClosePayload
            | Self::CloseCode(_) => CloseCode::Protocol,
        }
    }
}
