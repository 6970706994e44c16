//! Decodes control frames of a client.

use bytes::Bytes;
use tungstenite::protocol::frame::coding::{CloseCode, Control};

use super::error::DecodeError;
use super::event::Event;

/// Decodes a control frame from its kind and its unmasked payload (RFC 6455, section 5.5).
pub(super) fn read(kind: Control, payload: Bytes) -> Result<Event, DecodeError> {
    match kind {
        Control::Ping => Ok(Event::Ping(payload)),
        Control::Pong => Ok(Event::Pong(payload)),
        Control::Close => close(&payload),
        Control::Reserved(opcode) => Err(DecodeError::ReservedOpcode(opcode)),
    }
}

/// Decodes the payload of a close frame (RFC 6455, sections 5.5.1 and 7.4).
///
/// Rejects codes outside the ranges of RFCs and applications. This includes 1014, which is registered without an RFC; Faye
/// rejects it too.
fn close(payload: &[u8]) -> Result<Event, DecodeError> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close { code: None, reason: String::new() }),
        [_] => return Err(DecodeError::ClosePayload),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !CloseCode::from(code).is_allowed() {
        return Err(DecodeError::CloseCode(code));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| DecodeError::ReasonEncoding)?;
    Ok(Event::Close { code: Some(code), reason: reason.to_owned() })
}
