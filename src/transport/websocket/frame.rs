//! The header of one frame from a client, and the rules that it must keep by itself.
//!
//! Responsible for reading a header and refusing what no state could allow; must not know messages, limits
//! or other frames.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::error::DecodeError;

/// The longest payload of a control frame, in bytes (RFC 6455, section 5.5).
pub(super) const CONTROL_PAYLOAD: usize = 125;

/// The header of a frame that is right by itself.
#[derive(Debug)]
pub(super) struct Frame {
    /// What the frame is for; never a reserved opcode.
    pub(super) opcode: OpCode,
    /// Whether the frame ends its message; always true for a control frame.
    pub(super) last: bool,
    /// Whether the frame begins a compressed message (RFC 7692, section 6): RSV1 of a text or binary frame.
    pub(super) compressed: bool,
    /// The key that the payload is masked with.
    pub(super) mask: [u8; 4],
    /// The length of the header, in bytes.
    pub(super) header: usize,
    /// The length of the payload, in bytes; below 2^63, and at most [`CONTROL_PAYLOAD`] in a control frame.
    pub(super) payload: u64,
}

impl Frame {
    /// Reads the header at the front of `input`; `None` when it has not arrived as a whole. Only where compression was
    /// agreed on (`deflate`) may a message be marked as compressed.
    ///
    /// A length in a longer form than it needs is taken as it is, as Faye does: the RFC forbids it (section
    /// 5.2), but only the number counts here, and nothing is decided by its form.
    pub(super) fn parse(input: &[u8], deflate: bool) -> Result<Option<Self>, DecodeError> {
        let mut cursor = Cursor::new(input);
        let (header, payload) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            // Reading from memory does not fail: the one thing that the parser refuses is the opcode.
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
        // At most 14: a position in memory that is there.
        let length = cursor.position() as usize;
        let (last, compressed) = (header.is_final, header.rsv1);
        Ok(Some(Self { opcode, last, compressed, mask, header: length, payload }))
    }
}
