//! Decodes the header of one frame of a client and checks the rules of a single frame.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::error::DecodeError;

/// The longest payload of a control frame, in bytes (RFC 6455, section 5.5).
pub(super) const CONTROL_PAYLOAD: usize = 125;

/// The header of a valid frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// The opcode; never a reserved one.
    pub(super) opcode: OpCode,
    /// Whether the frame ends its message; always true for a control frame.
    pub(super) last: bool,
    /// Whether the frame begins a compressed message (RFC 7692, section 6): RSV1 of a text or binary frame.
    pub(super) compressed: bool,
    /// The masking key of the payload.
    pub(super) mask: [u8; 4],
    /// The length of the header, in bytes.
    pub(super) header: usize,
    /// The length of the payload, in bytes; below 2^63, and at most [`CONTROL_PAYLOAD`] in a control frame.
    pub(super) payload: u64,
}

impl Frame {
    /// Decodes the header at the front of `input`; `None` if it is incomplete. A message may be marked as compressed only if
    /// the handshake agreed on compression (`deflate`).
    ///
    /// The length may have a longer form than necessary, as in Faye: the RFC forbids it (section 5.2), but the form has no
    /// effect.
    pub(super) fn parse(input: &[u8], deflate: bool) -> Result<Option<Self>, DecodeError> {
        let mut cursor = Cursor::new(input);
        let (header, payload) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            // Reads from memory do not fail: the only error of the parser is the opcode.
            Err(_) => {
                return Err(DecodeError::ReservedOpcode(input.first().map_or(0, |first| first & 0x0f)));
            }
        };
        let opcode = header.opcode;
        let begins = matches!(opcode, OpCode::Data(Data::Text | Data::Binary));
        if (header.rsv1 && !(deflate && begins)) || header.rsv2 || header.rsv3 {
            return Err(DecodeError::ReservedBits([header.rsv1, header.rsv2, header.rsv3]));
        }
        match opcode {
            OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)) => {
                return Err(DecodeError::ReservedOpcode(opcode.into()));
            }
            OpCode::Control(_) if !header.is_final => {
                return Err(DecodeError::FragmentedControl(opcode.into()));
            }
            OpCode::Control(_) if payload > CONTROL_PAYLOAD as u64 => {
                return Err(DecodeError::LongControl(payload));
            }
            OpCode::Data(_) | OpCode::Control(_) => {}
        }
        if payload >> 63 != 0 {
            return Err(DecodeError::LengthOverflow);
        }
        let mask = header.mask.ok_or(DecodeError::Unmasked)?;
        // At most 14.
        let length = cursor.position() as usize;
        let (last, compressed) = (header.is_final, header.rsv1);
        Ok(Some(Self { opcode, last, compressed, mask, header: length, payload }))
    }
}
