//! Encodes payloads to frames of a server, each in one allocation.
//!
//! A server never masks (RFC 6455, section 5.1), so that one frame serves all receivers. It never fragments, because the length
//! of a payload is known before it is written.

use std::io;
use std::ops::Deref;

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::frame::CONTROL_PAYLOAD;

/// The longest header of a frame without a mask, in bytes.
const HEADER_ROOM: usize = 10;
/// The bit of a header's first byte that marks a compressed message.
const RSV1: u8 = 0x40;

/// The header of an unmasked, unfragmented frame. It dereferences to its 2, 4 or 10 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; HEADER_ROOM],
    length: u8,
}

impl Header {
    /// Marks the message as compressed with RSV1 (RFC 7692, section 6).
    pub(super) fn compressed(mut self) -> Self {
        self.bytes[0] |= RSV1;
        self
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Returns the header for a payload of `length` bytes (RFC 6455, section 5.2), with the shortest form of the length.
///
/// The payload of a control frame has at most 125 bytes (section 5.5); [`ping`], [`pong`] and [`close`] enforce this.
#[must_use]
pub fn frame_header(opcode: OpCode, length: usize) -> Header {
    const FIN: u8 = 0x80;
    let mut bytes = [0; HEADER_ROOM];
    bytes[0] = FIN | u8::from(opcode);
    let (second, extended): (u8, usize) = match length {
        0..=125 => (length as u8, 0),
        126..=0xffff => (126, 2),
        _ => (127, 8),
    };
    bytes[1] = second;
    let wide = (length as u64).to_be_bytes();
    bytes[2..2 + extended].copy_from_slice(&wide[8 - extended..]);
    Header { bytes, length: 2 + extended as u8 }
}

/// A text frame that is built in place: the buffer begins with room for the header, so that the payload is written once and
/// never moved.
///
/// Write the payload with [`Self::push`] or as [`std::io::Write`], then call [`Self::finish`]. The payload must be UTF-8
/// (section 5.6), which is not checked.
#[derive(Debug)]
pub struct TextFrame {
    /// [`HEADER_ROOM`] bytes of room, then the payload.
    buffer: BytesMut,
}

impl TextFrame {
    /// Creates an empty frame with capacity for a payload of `payload` bytes. It grows for a longer one.
    #[must_use]
    pub fn with_capacity(payload: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(HEADER_ROOM + payload);
        buffer.extend_from_slice(&[0; HEADER_ROOM]);
        Self { buffer }
    }

    /// Appends to the payload.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.buffer[HEADER_ROOM..]
    }

    /// Returns the frame, for any number of receivers.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        let header = frame_header(OpCode::Data(Data::Text), self.payload().len());
        let start = HEADER_ROOM - header.len();
        self.buffer[start..HEADER_ROOM].copy_from_slice(&header);
        self.buffer.advance(start);
        self.buffer.freeze()
    }
}

/// Appends to the payload; never fails.
impl io::Write for TextFrame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a text frame with a payload, which must be UTF-8 (section 5.6).
#[must_use]
pub fn text_frame(payload: &[u8]) -> Bytes {
    let mut frame = TextFrame::with_capacity(payload.len());
    frame.push(payload);
    frame.finish()
}

/// Returns a text frame with a JSON array of objects, which are separated by commas.
#[must_use]
pub fn array_frame(objects: &[u8]) -> Bytes {
    let mut frame = TextFrame::with_capacity(objects.len() + 2);
    for part in [b"[", objects, b"]"] {
        frame.push(part);
    }
    frame.finish()
}

/// Returns a ping (section 5.5.2). The payload is cut to 125 bytes.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    control_frame(Control::Ping, &[payload])
}

/// Returns a pong (section 5.5.3). The payload is cut to 125 bytes; the payload of a decoded ping is never longer.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    control_frame(Control::Pong, &[payload])
}

/// Returns the reply to a close frame of the client (section 5.5.1), with the client's code and reason. A close without a code is
/// answered with [`CloseCode::Normal`], as in Faye.
#[must_use]
pub fn close_answer(code: Option<u16>, reason: &str) -> Bytes {
    close(code.map_or(CloseCode::Normal, CloseCode::from), reason)
}

/// Returns a close frame (section 5.5.1). The code must be allowed ([`CloseCode::is_allowed`]). The reason is cut to whole
/// characters of at most 123 bytes.
#[must_use]
pub fn close(code: CloseCode, reason: &str) -> Bytes {
    let code = u16::from(code).to_be_bytes();
    let reason = &reason[..reason.floor_char_boundary(CONTROL_PAYLOAD - code.len())];
    control_frame(Control::Close, &[&code, reason.as_bytes()])
}

fn control_frame(kind: Control, parts: &[&[u8]]) -> Bytes {
    let length = parts.iter().map(|part| part.len()).sum::<usize>().min(CONTROL_PAYLOAD);
    let header = frame_header(OpCode::Control(kind), length);
    let mut frame = Vec::with_capacity(header.len() + length);
    frame.extend_from_slice(&header);
    frame.extend(parts.iter().copied().flatten().take(length));
    Bytes::from(frame)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::io::Write as _;

    use tungstenite::protocol::frame::FrameHeader;

    use super::*;

    /// Takes a frame apart with tungstenite's parser.
    fn parse(frame: &[u8]) -> (FrameHeader, Vec<u8>) {
        let mut cursor = Cursor::new(frame);
        let (header, length) = FrameHeader::parse(&mut cursor).unwrap().expect("a whole header");
        let payload = frame[cursor.position() as usize..].to_vec();
        assert_eq!(payload.len() as u64, length);
        assert_eq!(header.len(length) as u64, cursor.position(), "the shortest form");
        (header, payload)
    }

    fn header(opcode: OpCode) -> FrameHeader {
        FrameHeader { opcode, ..FrameHeader::default() }
    }

    #[test]
    fn text_frames_parse_back_at_every_form_of_length() {
        for length in [0, 1, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 200_000] {
            let payload = vec![b'x'; length];
            let expected = (header(OpCode::Data(Data::Text)), payload.clone());
            assert_eq!(parse(&text_frame(&payload)), expected, "length {length}");
        }
    }

    #[test]
    fn headers_of_lengths_that_no_memory_has_parse_back() {
        for length in [0x1_0000, usize::MAX >> 1] {
            let bytes = frame_header(OpCode::Data(Data::Binary), length);
            let parsed = FrameHeader::parse(&mut Cursor::new(&bytes[..])).unwrap();
            assert_eq!(parsed, Some((header(OpCode::Data(Data::Binary)), length as u64)));
        }
    }

    #[test]
    fn a_frame_built_in_place_equals_one_made_at_once() {
        for length in [0, 125, 126, 65536] {
            let payload = vec![b'y'; length];
            // Too little room on purpose: growing must not lose the room for the header.
            let mut frame = TextFrame::with_capacity(3);
            for piece in payload.chunks(1000) {
                frame.write_all(piece).unwrap();
            }
            assert_eq!(frame.payload(), payload);
            assert_eq!(frame.finish(), text_frame(&payload));
        }
    }

    #[test]
    fn a_frame_with_enough_room_is_not_moved() {
        let mut frame = TextFrame::with_capacity(200);
        frame.push(&[b'z'; 200]);
        let before = frame.payload().as_ptr();
        let done = frame.finish();
        assert_eq!(done[4..].as_ptr(), before);
    }

    #[test]
    fn control_frames_parse_back_and_are_cut() {
        assert_eq!(parse(&ping(b"")), (header(OpCode::Control(Control::Ping)), vec![]));
        assert_eq!(parse(&ping(&[7; 126])), (header(OpCode::Control(Control::Ping)), vec![7; 125]));
        assert_eq!(parse(&pong(b"abc")), (header(OpCode::Control(Control::Pong)), b"abc".to_vec()));
    }

    #[test]
    fn a_close_is_answered_with_its_code_or_1000() {
        assert_eq!(close_answer(Some(4000), "bye"), close(CloseCode::Library(4000), "bye"));
        assert_eq!(close_answer(None, ""), close(CloseCode::Normal, ""));
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let (head, payload) = parse(&close(CloseCode::Away, "bye"));
        assert_eq!(head, header(OpCode::Control(Control::Close)));
        assert_eq!(payload, b"\x03\xe9bye");
        // The 41st euro sign ends at byte 123; after one letter more it would end at 124.
        let (_, whole) = parse(&close(CloseCode::Normal, &"\u{20ac}".repeat(60)));
        assert_eq!(whole.len(), 125);
        let (_, cut) = parse(&close(CloseCode::Normal, &format!("a{}", "\u{20ac}".repeat(60))));
        assert_eq!(cut.len(), 2 + 1 + 40 * 3);
        assert!(std::str::from_utf8(&cut[2..]).is_ok());
    }
}
