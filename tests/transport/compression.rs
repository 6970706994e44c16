//! Proofs of compressed messages (RFC 7692): what a client compresses arrives in any fragmentation and any chunking, what
//! is broken or too long is refused, and what the server compresses any client can read.
//!
//! Knows both sides only by their public API; frames are written by tungstenite, and payloads compressed by flate2.

use std::io::Cursor;

use crate::client_frames::*;
use crate::compressed_frames::{compressed_frame, fragmented_compressed, packing, unpack};
use crate::decoder_chunks::{Outcome, check, decode, decode_deflate};
use faye_server::transport::websocket::deflate::deflate_frame;
use faye_server::transport::websocket::encoder::text_frame;
use faye_server::transport::websocket::negotiation::agree;
use faye_server::transport::websocket::{CloseCode, DecodeError, Limits};
use flate2::{Compress, Compression, FlushCompress};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tungstenite::protocol::frame::FrameHeader;

const WIDE: Limits = Limits { frame: 1 << 20, message: 1 << 20 };

/// "Hello" as RFC 7692 compresses it in section 7.2.3.1.
const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn compressed_message() -> impl Strategy<Value = Script> {
    (payload(), packing(), cuts()).prop_map(|((opcode, payload), packing, cuts)| {
        fragmented_compressed(opcode, &payload, &packing.pack(&payload), &cuts)
    })
}

fn plain_or_compressed() -> impl Strategy<Value = Script> {
    let plain = (payload(), cuts()).prop_map(|((opcode, payload), cuts)| fragmented(opcode, &payload, &cuts));
    prop_oneof![1 => plain, 3 => compressed_message()]
}

/// A part of a header, likely to be one that means something.
fn piece() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "permessage-deflate",
        "; ",
        ", ",
        "=",
        "\"",
        "\\",
        "15",
        "client_max_window_bits",
        "server_max_window_bits",
        "server_no_context_takeover",
    ];
    prop_oneof![8 => proptest::sample::select(KNOWN).prop_map(str::to_owned), 1 => any::<String>()]
}

/// The payload of a server's frame, which is a whole compressed text.
fn packed_text(frame: &[u8]) -> Vec<u8> {
    let mut cursor = Cursor::new(frame);
    let (header, length) = FrameHeader::parse(&mut cursor).unwrap().expect("a whole header");
    let payload = frame[cursor.position() as usize..].to_vec();
    assert_eq!(header, FrameHeader { opcode: TEXT, rsv1: true, ..FrameHeader::default() });
    assert_eq!(payload.len() as u64, length);
    payload
}

proptest! {
    #[test]
    fn compressed_messages_arrive_however_they_are_split(
        script in conversation_of(plain_or_compressed()),
        sizes in sizes(),
    ) {
        let expected: Outcome = (script.events, None);
        for sizes in [&sizes[..], &[]] {
            prop_assert_eq!(&decode_deflate(WIDE, &script.bytes, sizes), &expected);
        }
    }

    #[test]
    fn plain_messages_arrive_where_compression_was_agreed_on(script in conversation(), sizes in sizes()) {
        prop_assert_eq!(decode_deflate(WIDE, &script.bytes, &sizes), (script.events, None));
    }

    #[test]
    fn any_bytes_for_compressed_ones_never_break_a_promise(
        front in (any::<u8>(), any::<u8>(), any::<u8>(), vec(any::<u8>(), 7)),
        payloads in vec(vec(any::<u8>(), 0..200), 1..4),
        sizes in vec(any::<u8>(), 8),
    ) {
        let (frame, message, chunks, front) = front;
        let mut data = [&[frame, message, chunks | 8][..], &sizes[..usize::from(chunks % 8)]].concat();
        for payload in payloads {
            data.extend(compressed_frame(if payload.len() % 2 == 0 { TEXT } else { BINARY }, true, KEY, &payload));
        }
        data.extend(front);
        check(&data);
    }

    #[test]
    fn damaged_messages_never_break_a_promise(
        limits in any::<(u8, u8)>(),
        sizes in vec(any::<u8>(), 7),
        script in conversation_of(plain_or_compressed()),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
    ) {
        let mut data = [&[limits.0, limits.1, 0xff][..], &sizes].concat();
        data.extend(script.bytes.iter().take(2000));
        for (place, byte) in damage {
            let place = 10 + place.index(data.len() - 9);
            if let Some(damaged) = data.get_mut(place) {
                *damaged = byte;
            }
        }
        check(&data);
    }

    #[test]
    fn the_limit_counts_what_comes_out(
        (opcode, payload) in payload(), packing in packing(), cuts in cuts(), limit in 0..1000_usize,
    ) {
        let packed = packing.pack(&payload);
        let script = fragmented_compressed(opcode, &payload, &packed, &cuts);
        let limits = Limits { frame: 1 << 20, message: limit.max(packed.len()) };
        let (_, error) = decode_deflate(limits, &script.bytes, &[]);
        prop_assert_eq!(error, (payload.len() > limits.message).then_some(DecodeError::LongMessage));
    }

    #[test]
    fn bad_utf8_is_1007_after_it_is_inflated(
        before in text_payload(),
        bad in prop_oneof![Just(&b"\xff"[..]), Just(&b"\xed\xa0\x80"[..]), Just(&b"\xe2\x82"[..])],
        packing in packing(),
        cuts in cuts(),
        sizes in sizes(),
    ) {
        let payload = [&before[..], bad].concat();
        let packed = packing.pack(&payload);
        let text = fragmented_compressed(TEXT, &payload, &packed, &cuts);
        let (_, error) = decode_deflate(WIDE, &text.bytes, &sizes);
        prop_assert_eq!(error, Some(DecodeError::TextEncoding));
        let binary = fragmented_compressed(BINARY, &payload, &packed, &cuts);
        prop_assert_eq!(decode_deflate(WIDE, &binary.bytes, &sizes), (binary.events, None));
    }

    #[test]
    fn what_the_server_compresses_any_client_can_read(payloads in vec(text_payload(), 1..4), level in 1..=9_u32) {
        for payload in payloads {
            let plain = text_frame(&payload);
            let Some(frame) = deflate_frame(&payload, level) else { continue };
            prop_assert!(frame.len() < plain.len());
            let packed = packed_text(&frame);
            prop_assert_eq!(unpack(&packed, payload.len()), &payload[..]);
            // And so can our own side.
            let (events, error) = decode_deflate(WIDE, &compressed_frame(TEXT, true, KEY, &packed), &[]);
            prop_assert_eq!((events, error), (vec![message(&payload, true)], None));
        }
    }

    #[test]
    fn any_header_is_answered_with_what_can_be_kept_or_not_at_all(
        headers in vec(vec(piece(), 0..12).prop_map(|pieces| pieces.concat()), 0..3),
    ) {
        let answer = agree(headers.iter().map(String::as_str));
        let offered = headers.concat().contains("permessage-deflate");
        let kept = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        prop_assert!(answer.is_none_or(|answer| offered && answer.starts_with(kept)));
    }

    #[test]
    fn what_repeats_itself_is_compressed(word in "[a-z]{1,20}", times in 20..3000_usize, level in 1..=9_u32) {
        let payload = word.repeat(times);
        let frame = deflate_frame(payload.as_bytes(), level);
        prop_assert!(frame.is_some_and(|frame| frame.len() < payload.len() / 2 + 40));
    }
}

#[test]
fn rsv1_is_for_the_first_frame_of_a_message_where_compression_was_agreed_on() {
    let first = compressed_frame(TEXT, false, KEY, &HELLO[..3]);
    let reserved = |bits| (vec![], Some(DecodeError::ReservedBits(bits)));
    let rsv1 = reserved([true, false, false]);
    for bytes in [
        [first.clone(), compressed_frame(CONTINUE, true, KEY, &HELLO[3..])].concat(),
        [frame(TEXT, false, KEY, b"a"), compressed_frame(CONTINUE, true, KEY, b"b")].concat(),
        compressed_frame(CONTINUE, true, KEY, &HELLO),
        compressed_frame(PING, true, KEY, b""),
        compressed_frame(CLOSE, true, KEY, b"\x03\xe8"),
        [first.clone(), compressed_frame(PING, true, KEY, b"")].concat(),
    ] {
        assert_eq!(decode_deflate(WIDE, &bytes, &[1]), rsv1, "{bytes:x?}");
    }
    for (bits, reserved_bits) in [
        (0x60, [true, true, false]),
        (0x50, [true, false, true]),
        (0x20, [false, true, false]),
        (0x10, [false, false, true]),
    ] {
        let bytes = [0x81 | bits, 0x80, 1, 2, 3, 4];
        assert_eq!(decode_deflate(WIDE, &bytes, &[1]), reserved(reserved_bits), "{bits:x}");
    }
    let again = [first, compressed_frame(TEXT, true, KEY, &HELLO)].concat();
    assert_eq!(decode_deflate(WIDE, &again, &[1]), (vec![], Some(DecodeError::UnfinishedMessage)));
    for opcode in [TEXT, BINARY] {
        let bytes = compressed_frame(opcode, true, KEY, &HELLO);
        assert_eq!(decode(WIDE, &bytes, &[1]), rsv1, "not agreed on");
        assert_eq!(decode_deflate(WIDE, &bytes, &[1]), (vec![message(b"Hello", opcode == TEXT)], None));
    }
    assert_eq!(DecodeError::ReservedBits([true, false, false]).close_code(), CloseCode::Protocol);
}

#[test]
fn what_cannot_be_inflated_is_1007() {
    for payload in [&b"\x07"[..], &HELLO[..3], &[&HELLO[..6], b"\xff"].concat()] {
        for opcode in [TEXT, BINARY] {
            let whole = compressed_frame(opcode, true, KEY, payload);
            let begun =
                [compressed_frame(opcode, false, KEY, payload), frame(CONTINUE, true, KEY, b"")].concat();
            for bytes in [whole, begun] {
                assert_eq!(decode_deflate(WIDE, &bytes, &[1]), (vec![], Some(DecodeError::Compression)));
            }
        }
    }
    assert_eq!(DecodeError::Compression.close_code(), CloseCode::Invalid);
    assert!(DecodeError::Compression.to_string().len() <= 123);
}

#[test]
fn a_message_that_breaks_off_is_not_taken_for_a_shorter_one() {
    let payload = br#"[{"channel":"/chat/room","data":{"text":"one two three one two three"},"id":"1a"}]"#;
    for level in 1..=9 {
        let packed = packed_text(&deflate_frame(payload, level).expect("a shorter frame"));
        for end in 1..packed.len() {
            let bytes = compressed_frame(BINARY, true, KEY, &packed[..end]);
            assert_eq!(decode_deflate(WIDE, &bytes, &[]), (vec![], Some(DecodeError::Compression)), "{end}");
        }
    }
}

#[test]
fn limits_of_what_comes_are_judged_before_it_is_there() {
    let claims = |length| {
        let mut header = header(TEXT, length);
        header[0] |= 0x40;
        header
    };
    let limits = Limits { frame: 100, message: 150 };
    assert_eq!(decode_deflate(limits, &claims(101), &[]), (vec![], Some(DecodeError::LongFrame)));
    let first = compressed_frame(BINARY, false, KEY, &[0; 100]);
    let more = [first, header(CONTINUE, 51)].concat();
    assert_eq!(decode_deflate(limits, &more, &[]), (vec![], Some(DecodeError::LongMessage)));
}

/// A MiB of zeros, about 1000 times as short, in a form that may be repeated.
fn packed_zeros() -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    let mut packed = Vec::with_capacity(1 << 20);
    assert!(stream.compress_vec(&vec![0; 1 << 20], &mut packed, FlushCompress::Full).is_ok());
    assert!(stream.total_in() == 1 << 20 && packed.len() < 2000);
    packed
}

#[test]
fn a_bomb_is_refused_as_soon_as_it_is_too_long() {
    let before = peak_memory();
    let segment = packed_zeros();
    for segments in [1, 10, 800] {
        let mut packed = segment.repeat(segments);
        // One zero more than a MiB, for the smallest: a block that is not compressed.
        packed.extend(b"\0\x01\0\xfe\xff\0\0");
        assert!(packed.len() < WIDE.frame);
        for bytes in [
            compressed_frame(TEXT, true, KEY, &packed),
            [compressed_frame(BINARY, false, KEY, &packed), frame(CONTINUE, true, KEY, b"")].concat(),
        ] {
            assert_eq!(decode_deflate(WIDE, &bytes, &[]), (vec![], Some(DecodeError::LongMessage)));
            let room = Limits { message: (1 << 20) + 1, ..WIDE };
            let (events, error) = decode_deflate(room, &bytes, &[]);
            assert_eq!((events.len(), error.is_some()), if segments == 1 { (1, false) } else { (0, true) });
        }
    }
    // The largest would be 800 MiB. Other tests of this process run beside.
    assert!(peak_memory() - before < 100 << 10, "{} KiB more", peak_memory() - before);
}

/// The most memory that this process ever had, in KiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
