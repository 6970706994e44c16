//! Compressed messages as all kinds of clients send them, and how a client reads one. Both by flate2's raw streams, not by
//! the code under test.

use faye_server::transport::websocket::OpCode;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::client_frames::{Cut, Script, TEXT, frame, in_frames, message};

/// A frame with RSV1, as the first of a compressed message has it.
pub(crate) fn compressed_frame(opcode: OpCode, is_final: bool, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(opcode, is_final, key, payload);
    bytes[0] |= 0x40;
    bytes
}

/// Cuts a compressed message anywhere; `packed` is what `payload` was compressed to.
pub(crate) fn fragmented_compressed(opcode: OpCode, payload: &[u8], packed: &[u8], cuts: &[Cut]) -> Script {
    let mut script = in_frames(compressed_frame, opcode, packed, cuts);
    script.events.push(message(payload, opcode == TEXT));
    script
}

/// How a client compresses a message.
#[derive(Debug, Clone)]
pub(crate) struct Packing {
    level: u32,
    /// The logarithm of its window.
    window: u8,
    /// Where it flushes within the message, which begins a new block.
    flushes: Vec<Index>,
    ending: Ending,
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    /// By a flush, without its last four bytes (RFC 7692, section 7.2.1).
    Flush,
    /// By a last block and a byte of zero (section 7.2.3.4).
    LastBlock,
    /// By a last block and nothing else.
    Bare,
}

pub(crate) fn packing() -> impl Strategy<Value = Packing> {
    let ending = prop_oneof![4 => Just(Ending::Flush), 1 => Just(Ending::LastBlock), 1 => Just(Ending::Bare)];
    (0..=9_u32, 9..=15_u8, vec(any::<Index>(), 0..4), ending)
        .prop_map(|(level, window, flushes, ending)| Packing { level, window, flushes, ending })
}

impl Packing {
    pub(crate) fn pack(&self, payload: &[u8]) -> Vec<u8> {
        let mut stream = Compress::new_with_window_bits(Compression::new(self.level), false, self.window);
        let mut packed = Vec::with_capacity(2 * payload.len() + 1000);
        let mut places: Vec<usize> =
            self.flushes.iter().map(|place| place.index(payload.len() + 1)).collect();
        places.sort_unstable();
        let mut start = 0;
        for place in places {
            assert!(stream.compress_vec(&payload[start..place], &mut packed, FlushCompress::Sync).is_ok());
            start = place;
        }
        let flush =
            if matches!(self.ending, Ending::Flush) { FlushCompress::Sync } else { FlushCompress::Finish };
        // A second flush of the same kind with nothing in between writes nothing, so that this one is of another kind.
        let flush =
            if start == payload.len() && flush == FlushCompress::Sync { FlushCompress::Full } else { flush };
        assert!(stream.compress_vec(&payload[start..], &mut packed, flush).is_ok());
        assert!(packed.len() < packed.capacity() && stream.total_in() == payload.len() as u64);
        match self.ending {
            Ending::Flush => assert!(packed.ends_with(&[0, 0, 0xff, 0xff])),
            Ending::LastBlock => packed.push(0),
            Ending::Bare => {}
        }
        if matches!(self.ending, Ending::Flush) {
            packed.truncate(packed.len() - 4);
        }
        packed
    }
}

/// Inflates the payload of a frame as a client with a window of 32 KiB does that knows of no message before.
pub(crate) fn unpack(packed: &[u8], length: usize) -> Vec<u8> {
    let packed = [packed, &[0, 0, 0xff, 0xff]].concat();
    let mut stream = Decompress::new(false);
    let mut payload = Vec::with_capacity(length + 100);
    let status = stream.decompress_vec(&packed, &mut payload, FlushDecompress::Sync);
    assert!(matches!(status, Ok(Status::Ok)), "{status:?}");
    assert_eq!(stream.total_in(), packed.len() as u64);
    payload
}
