//! WebSocket frames of a client (RFC 6455, section 5), read without copying.

use std::ops::Range;

/// The opcode of a text.
pub(super) const TEXT: u8 = 1;
/// The opcode of a close.
pub(super) const CLOSE: u8 = 8;
/// The opcode of a ping.
pub(super) const PING: u8 = 9;
/// The opcode of a pong.
pub(super) const PONG: u8 = 10;

const LAST: u8 = 0x80;
const MASKED: u8 = 0x80;

/// A frame at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The opcode.
    pub(super) opcode: u8,
    /// Whether it is a whole message.
    pub(super) whole: bool,
    /// The masking key; zero for an unmasked frame.
    pub(super) mask: [u8; 4],
    /// The range of the payload.
    pub(super) payload: Range<usize>,
}

impl Frame {
    /// Reads a frame; `None` if it is incomplete.
    #[inline]
    pub(super) fn read(input: &[u8]) -> Option<Self> {
        let [first, second] = *input.first_chunk()?;
        let (length, mut start) = match second & 0x7f {
            126 => (u16::from_be_bytes(*input.get(2..)?.first_chunk()?) as usize, 4),
            127 => (u64::from_be_bytes(*input.get(2..)?.first_chunk()?) as usize, 10),
            length => (length as usize, 2),
        };
        let mut mask = [0; 4];
        if second & MASKED != 0 {
            mask = *input.get(start..)?.first_chunk()?;
            start += 4;
        }
        let end = start.checked_add(length)?;
        let whole = first & LAST != 0 && first & 0x0f != 0;
        (input.len() >= end).then_some(Self { opcode: first & 0x0f, whole, mask, payload: start..end })
    }
}

/// Appends a frame of a client. Its masking key is zero, which leaves the payload unchanged.
pub(super) fn write_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// Appends a frame of a server.
pub(super) fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

fn header(out: &mut Vec<u8>, opcode: u8, length: usize, masked: u8) {
    out.push(LAST | opcode);
    if length < 126 {
        out.push(masked | length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(masked | 126);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_never_too_early() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            for masked in [true, false] {
                let payload = vec![b'x'; length];
                let mut out = Vec::new();
                if masked {
                    write_masked(&mut out, TEXT, &payload);
                } else {
                    write(&mut out, TEXT, &payload);
                }
                let frame = Frame::read(&out).unwrap();
                assert_eq!((frame.opcode, frame.whole, frame.mask), (TEXT, true, [0; 4]));
                assert_eq!(out[frame.payload.clone()], payload);
                assert_eq!(frame.payload.end, out.len());
                for end in (0..out.len().min(16)).chain(out.len() - 1..out.len()) {
                    assert_eq!(Frame::read(&out[..end]), None, "{length} {end}");
                }
            }
        }
    }
}
