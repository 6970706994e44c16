//! Inflates compressed messages within a limit (RFC 7692, section 7.2.2).

use std::cell::RefCell;

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};

use super::error::DecodeError;

/// Bytes of one inflating step. A message up to this length needs one allocation of its exact length.
const PIECE: usize = 16 * 1024;

/// The bytes behind each message: the four bytes that the sender omits, and an empty last block. A truncated message does not
/// reach the end of this block, which distinguishes it from a complete one.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

thread_local! {
    /// One inflater a thread, for all connections: messages are independent of each other.
    static INFLATER: RefCell<Inflater> = RefCell::new(Inflater::new());
}

struct Inflater {
    stream: Decompress,
    piece: Box<[u8]>,
}

/// Inflates a message to at most `most` bytes. The buffer grows by at most half of its length, and never above `most` bytes. The
/// time is linear in `compressed` and `most`.
///
/// A block with the bit BFINAL ends the stream of blocks, but not the message: another stream may follow (section 7.2.3.4) and
/// is inflated separately, as in Chromium. A message may end with such a block without the byte that should follow. A message
/// of no bytes is empty.
///
/// # Errors
///
/// [`DecodeError::LongMessage`] as soon as the output exceeds `most` bytes, [`DecodeError::Compression`] if the data is invalid,
/// truncated, or refers to an earlier message.
pub(super) fn inflate(compressed: &[u8], most: usize) -> Result<Bytes, DecodeError> {
    if compressed.is_empty() {
        return Ok(Bytes::new());
    }
    INFLATER.with_borrow_mut(|inflater| inflater.inflate(compressed, most))
}

impl Inflater {
    fn new() -> Self {
        Self { stream: Decompress::new(false), piece: vec![0; PIECE].into_boxed_slice() }
    }

    fn inflate(&mut self, compressed: &[u8], most: usize) -> Result<Bytes, DecodeError> {
        self.stream.reset(false);
        let mut input = compressed.chain(&END[..]);
        let mut inflated = Vec::new();
        loop {
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(input.chunk(), &mut self.piece, FlushDecompress::None)
                .map_err(|_| DecodeError::Compression)?;
            // Both fit, because they are bounded by the slices.
            let consumed = (self.stream.total_in() - read) as usize;
            let produced = (self.stream.total_out() - written) as usize;
            input.advance(consumed);
            append(&mut inflated, &self.piece[..produced], most)?;
            match status {
                Status::StreamEnd => match input.remaining() {
                    0 => return Ok(inflated.into()),
                    left if left == END.len() => return Ok(inflated.into()),
                    left if left > END.len() => self.stream.reset(false),
                    _ => return Err(DecodeError::Compression),
                },
                // All input is consumed without an end.
                Status::Ok | Status::BufError if consumed == 0 && produced == 0 => {
                    return Err(DecodeError::Compression);
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }
}

fn append(inflated: &mut Vec<u8>, piece: &[u8], most: usize) -> Result<(), DecodeError> {
    let room = most - inflated.len();
    if piece.len() > room {
        return Err(DecodeError::LongMessage);
    }
    if inflated.capacity() - inflated.len() < piece.len() {
        // By a half, so that the total of copied bytes stays linear.
        inflated.reserve_exact(piece.len().max(inflated.len() / 2).min(room));
    }
    inflated.extend_from_slice(piece);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"Hello";

    #[test]
    fn the_examples_of_the_rfc() {
        for (compressed, expected) in [
            // Section 7.2.3.1 and 7.2.3.2, the first message.
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], HELLO),
            // Section 7.2.3.3: a block that is not compressed.
            (b"\x00\x05\x00\xfa\xffHello\x00", HELLO),
            // Section 7.2.3.4: BFINAL.
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], HELLO),
            // Section 7.2.3.5: two blocks.
            (&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], HELLO),
            // Section 7.2.3.6: an empty message.
            (&[0x00], b""),
        ] {
            assert_eq!(inflate(compressed, 5).as_deref(), Ok(expected), "{compressed:x?}");
        }
    }

    #[test]
    fn a_last_block_may_be_the_end_or_be_followed_by_others() {
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&last, 5).as_deref(), Ok(HELLO));
        assert_eq!(inflate(&last.repeat(3), 15).as_deref(), Ok(&b"HelloHelloHello"[..]));
        let between = [&last, &[0x00, 0x00, 0x00, 0xff, 0xff][..], &last, &[0x00]].concat();
        assert_eq!(inflate(&between, 10).as_deref(), Ok(&b"HelloHello"[..]));
    }

    #[test]
    fn nothing_at_all_is_an_empty_message() {
        assert_eq!(inflate(&[], 0).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn broken_data_is_refused() {
        for compressed in [
            // No such kind of block.
            &[0x07][..],
            // It breaks off: in a block, and in the length of one.
            &[0xf2, 0x48, 0xcd],
            &[0x00, 0x06, 0x00, 0xf9, 0xff, b'H'],
            &[0x00, 0x05],
            // The length and its complement differ.
            &[0x00, 0x05, 0x00, 0x00, 0x00, b'H'],
            // Section 7.2.3.2, the second message: it refers to the first, which is not kept.
            &[0xf2, 0x00, 0x11, 0x00, 0x00],
            // Garbage behind a last block.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xff, 0xff],
            // The bytes that should have been left off.
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff],
        ] {
            assert_eq!(inflate(compressed, 1000), Err(DecodeError::Compression), "{compressed:x?}");
            // Broken data has no effect on the next message of this thread.
            assert_eq!(inflate(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 5).as_deref(), Ok(HELLO));
        }
    }

    #[test]
    fn the_bound_is_kept_to_the_byte() {
        for length in [1, 2, 100, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 10 * PIECE + 7] {
            let stored: Vec<u8> = vec![b'x'; length]
                .chunks(0xffff)
                .flat_map(|chunk| {
                    let length = (chunk.len() as u16).to_le_bytes();
                    let complement = (!(chunk.len() as u16)).to_le_bytes();
                    [&[0][..], &length, &complement, chunk].concat()
                })
                .chain([0])
                .collect();
            assert_eq!(inflate(&stored, length).map(|message| message.len()), Ok(length));
            assert_eq!(inflate(&stored, length - 1), Err(DecodeError::LongMessage));
        }
    }

    #[test]
    fn what_is_inflated_never_has_more_room_than_it_may_fill() {
        let most = 5 * PIECE + 1;
        let mut inflated = Vec::new();
        for _ in 0..5 {
            assert_eq!(append(&mut inflated, &[b'x'; PIECE], most), Ok(()));
            assert!(inflated.capacity() <= most.min(inflated.len() * 3 / 2), "{}", inflated.capacity());
        }
        assert_eq!(append(&mut inflated, b"x", most), Ok(()));
        assert_eq!(append(&mut inflated, b"x", most), Err(DecodeError::LongMessage));
    }
}
