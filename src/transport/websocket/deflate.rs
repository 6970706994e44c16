//! Compresses text frames (RFC 7692, section 7.2.1). Each payload is compressed independently, so that one frame serves all
//! receivers with compression.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};

use super::encoder::frame_header;
use super::{Data, OpCode};

/// The end of a compressor flush, which a message omits.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The capacity for a compressed payload that a thread keeps for the next one, in bytes.
const KEPT: usize = 64 * 1024;

thread_local! {
    /// One compressor of about 300 KiB for each writing thread, created on first use.
    static DEFLATER: RefCell<Option<Deflater>> = const { RefCell::new(None) };
}

struct Deflater {
    stream: Compress,
    level: u32,
    packed: Vec<u8>,
}

/// Returns a text frame with the compressed payload, which must be UTF-8 (RFC 6455, section 5.6). `None` if the frame would not
/// be shorter than that of [`text_frame`](super::encoder::text_frame).
///
/// The window is 32 KiB and no context is kept between calls, so that every receiver that accepted
/// [`agree`](super::negotiation::agree) can decode it.
///
/// `level` is 1 (fastest) to 9 (smallest), and is clamped to this range. A thread that changes the level creates a new
/// compressor.
#[must_use]
pub fn deflate_frame(payload: &[u8], level: u32) -> Option<Bytes> {
    let level = level.clamp(1, 9);
    DEFLATER.with_borrow_mut(|slot| match slot {
        Some(deflater) if deflater.level == level => deflater.frame(payload),
        _ => slot.insert(Deflater::new(level)).frame(payload),
    })
}

impl Deflater {
    fn new(level: u32) -> Self {
        Self { stream: Compress::new(Compression::new(level), false), level, packed: Vec::new() }
    }

    fn frame(&mut self, payload: &[u8]) -> Option<Bytes> {
        let frame = self.pack(payload).and_then(|packed| {
            let header = frame_header(OpCode::Data(Data::Text), packed.len()).compressed();
            let plain = frame_header(OpCode::Data(Data::Text), payload.len()).len() + payload.len();
            (header.len() + packed.len() < plain).then(|| Bytes::from([&*header, packed].concat()))
        });
        self.packed.clear();
        self.packed.shrink_to(KEPT);
        frame
    }

    /// Returns the compressed payload without its tail; `None` if it is not shorter.
    fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        self.stream.reset();
        self.packed.reserve(payload.len() + TAIL.len());
        self.stream.compress_vec(payload, &mut self.packed, FlushCompress::Sync).ok()?;
        // A flush is complete if it leaves capacity. Otherwise the output is as long as the payload already.
        let is_whole =
            self.stream.total_in() == payload.len() as u64 && self.packed.len() < self.packed.capacity();
        self.packed.strip_suffix(&TAIL).filter(|_| is_whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::websocket::encoder::text_frame;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 7692, section 7.2.3.1, with a payload that is worth it.
        let frame = deflate_frame(&b"Hello".repeat(4), 6).expect("a shorter frame");
        assert_eq!(frame[0], 0xc1);
        assert_eq!(usize::from(frame[1]), frame.len() - 2);
        assert!(frame.starts_with(&[0xc1, frame[1], 0xf2, 0x48, 0xcd, 0xc9, 0xc9]), "{frame:x?}");
        assert!(!frame.ends_with(&TAIL));
    }

    #[test]
    fn what_would_not_be_shorter_is_not_compressed() {
        let noise: Vec<u8> = (0..300_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for payload in [&b""[..], b"a", b"ab", b"Hello", &noise] {
            for level in 1..=9 {
                assert_eq!(deflate_frame(payload, level), None, "{payload:x?} at {level}");
            }
        }
    }

    #[test]
    fn nothing_is_carried_over() {
        let payload = br#"[{"channel":"/chat/room","data":{"text":"one two three one two three"}}]"#;
        for level in 1..=9 {
            let first = deflate_frame(payload, level);
            assert!(
                first.as_ref().is_some_and(|frame| frame.len() < text_frame(payload).len()),
                "at {level}"
            );
            assert_eq!(deflate_frame(payload, level), first, "at {level}");
            // Not even of one that was given up.
            let noise: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let _ = deflate_frame(&noise, level);
            assert_eq!(deflate_frame(payload, level), first, "at {level}");
        }
    }

    #[test]
    fn levels_outside_count_as_the_nearest() {
        let payload = b"abcabcabd".repeat(100);
        assert_eq!(deflate_frame(&payload, 0), deflate_frame(&payload, 1));
        assert_eq!(deflate_frame(&payload, u32::MAX), deflate_frame(&payload, 9));
    }

    #[test]
    fn a_thread_keeps_little_room_for_the_next_payload() {
        assert!(deflate_frame(&vec![b'x'; 1 << 20], 1).is_some());
        let kept = DEFLATER.with_borrow(|slot| slot.as_ref().map(|deflater| deflater.packed.capacity()));
        assert!(kept.is_some_and(|kept| kept <= KEPT), "{kept:?}");
    }
}
