//! Proofs of the WebSocket decoder: any chunking gives the same events, and no input gives a panic, more
//! memory than the limits, or anything but the close code that RFC 6455 names.
//!
//! Knows the decoder only by its public API; frames are written by tungstenite, not by the code under test.

use crate::client_frames::*;
use crate::decoder_chunks::{Outcome, check, decode};
use bytes::BytesMut;
use faye_server::transport::websocket::{CloseCode, DecodeError, Decoder, Event, Limits};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

const WIDE: Limits = Limits { frame: 1 << 20, message: 1 << 20 };

proptest! {
    #[test]
    fn valid_frames_give_their_events_however_they_are_split(script in conversation(), sizes in sizes()) {
        let expected: Outcome = (script.events, None);
        for sizes in [&sizes[..], &[]] {
            prop_assert_eq!(&decode(WIDE, &script.bytes, sizes), &expected);
        }
    }

    #[test]
    fn a_close_frame_is_seen_ahead_and_nothing_else_is_taken_for_one(script in conversation(), cut in any::<Index>()) {
        let closes = script.events.iter().any(|event| matches!(event, Event::Close { .. }));
        let decoder = Decoder::new(WIDE);
        prop_assert_eq!(decoder.sees_close(&script.bytes), closes);
        prop_assert!(!decoder.sees_close(&script.bytes[..cut.index(script.bytes.len() + 1)]) || closes);
        let mut more = script.bytes;
        more.extend(frame(CLOSE, true, KEY, &[]));
        prop_assert!(decoder.sees_close(&more));
    }

    #[test]
    fn random_bytes_never_break_a_promise(data in vec(any::<u8>(), 0..600)) {
        check(&data);
    }

    #[test]
    fn damaged_frames_never_break_a_promise(
        front in vec(any::<u8>(), 11),
        script in conversation(),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
    ) {
        let mut data = front;
        data.extend(script.bytes.iter().take(2000));
        for (place, byte) in damage {
            let place = place.index(data.len());
            data[place] = byte;
        }
        check(&data);
    }

    #[test]
    fn bad_utf8_in_any_fragmentation_is_1007(
        before in text_payload(),
        bad in prop_oneof![
            Just(&b"\xff"[..]), Just(&b"\x80"[..]), Just(&b"\xc0\xaf"[..]), Just(&b"\xe0\x80\x80"[..]),
            Just(&b"\xed\xa0\x80"[..]), Just(&b"\xf4\x90\x80\x80"[..]), Just(&b"\xe2\x82x"[..]), Just(&b"\xe2\x82"[..]),
        ],
        cuts in cuts(),
        sizes in sizes(),
    ) {
        let payload = [&before[..], bad].concat();
        let script = fragmented(TEXT, &payload, &cuts);
        for sizes in [&sizes[..], &[]] {
            let (events, error) = decode(WIDE, &script.bytes, sizes);
            prop_assert_eq!(error, Some(DecodeError::TextEncoding));
            let all_controls = events.iter().all(|event| matches!(event, Event::Ping(_) | Event::Pong(_)));
            prop_assert!(all_controls);
        }
    }

    #[test]
    fn what_is_too_long_is_1009_before_its_payload_comes(limit in 0..2000_usize, excess in 1..u64::MAX >> 2) {
        let length = limit as u64 + excess;
        for opcode in [TEXT, BINARY] {
            let frame_limit = Limits { frame: limit, message: usize::MAX };
            let (_, error) = decode(frame_limit, &header(opcode, length), &[]);
            prop_assert_eq!(error, Some(DecodeError::LongFrame));
            let message_limit = Limits { frame: usize::MAX, message: limit };
            let (_, error) = decode(message_limit, &header(opcode, length), &[1]);
            prop_assert_eq!(error, Some(DecodeError::LongMessage));
        }
    }

    #[test]
    fn fragments_count_together(first in 0..500_usize, second in 1..500_usize, limit in 0..1000_usize) {
        let mut bytes = frame(TEXT, false, KEY, &vec![b'x'; first]);
        bytes.extend(header(CONTINUE, second as u64));
        let (events, error) = decode(Limits { frame: 1000, message: limit }, &bytes, &[]);
        prop_assert!(events.is_empty());
        prop_assert_eq!(error, (first + second > limit).then_some(DecodeError::LongMessage));
    }
}

#[test]
fn every_violation_has_its_error_and_close_code() {
    let masked = |first: u8, second: u8| vec![first, second | 0x80, 1, 2, 3, 4];
    let begun = |then: Vec<u8>| [frame(TEXT, false, KEY, b"a"), then].concat();
    let overflow = vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let (protocol, size) = (CloseCode::Protocol, CloseCode::Size);
    let mut cases = vec![
        (masked(0xc1, 0), DecodeError::ReservedBits([true, false, false]), protocol),
        (masked(0xa1, 0), DecodeError::ReservedBits([false, true, false]), protocol),
        (masked(0x99, 0), DecodeError::ReservedBits([false, false, true]), protocol),
        (masked(0x09, 0), DecodeError::FragmentedControl(9), protocol),
        (masked(0x08, 0), DecodeError::FragmentedControl(8), protocol),
        (header(PING, 126), DecodeError::LongControl(126), protocol),
        (header(CLOSE, 1 << 40), DecodeError::LongControl(1 << 40), protocol),
        (vec![0x81, 0], DecodeError::Unmasked, protocol),
        (vec![0x89, 0], DecodeError::Unmasked, protocol),
        (overflow, DecodeError::LengthOverflow, protocol),
        (frame(CONTINUE, true, KEY, b"a"), DecodeError::UnexpectedContinuation, protocol),
        (frame(CONTINUE, false, KEY, b""), DecodeError::UnexpectedContinuation, protocol),
        (begun(frame(TEXT, true, KEY, b"b")), DecodeError::UnfinishedMessage, protocol),
        (begun(frame(BINARY, false, KEY, b"b")), DecodeError::UnfinishedMessage, protocol),
        (frame(CLOSE, true, KEY, b"\x03"), DecodeError::ClosePayload, protocol),
        (frame(CLOSE, true, KEY, b"\x03\xe8\xff"), DecodeError::ReasonEncoding, CloseCode::Invalid),
        (frame(CLOSE, true, KEY, b"\x03\xe8\xe2\x82"), DecodeError::ReasonEncoding, CloseCode::Invalid),
        (frame(TEXT, true, KEY, b"\xff"), DecodeError::TextEncoding, CloseCode::Invalid),
        (frame(TEXT, true, KEY, b"\xe2\x82"), DecodeError::TextEncoding, CloseCode::Invalid),
        (header(TEXT, (1 << 20) + 1), DecodeError::LongFrame, size),
        (begun(header(CONTINUE, 1 << 20)), DecodeError::LongMessage, size),
    ];
    for opcode in (3..8).chain(11..16) {
        cases.push((masked(0x80 | opcode, 0), DecodeError::ReservedOpcode(opcode), protocol));
    }
    for code in [0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 2999, 5000, 65535_u16] {
        let closing = frame(CLOSE, true, KEY, &code.to_be_bytes());
        cases.push((closing, DecodeError::CloseCode(code), protocol));
    }
    for (bytes, error, code) in cases {
        for sizes in [&[][..], &[1]] {
            assert_eq!(decode(WIDE, &bytes, sizes), (vec![], Some(error)));
        }
        assert_eq!(error.close_code(), code, "{error:?}");
        assert!(error.to_string().len() <= 123, "{error}");
    }
}

#[test]
fn bad_utf8_is_found_before_the_frame_is_complete() {
    // Autobahn 6.4: the byte that cannot follow is the last that arrives, of a frame that claims more.
    let mut bytes = header(TEXT, 1000);
    bytes.extend([0xce ^ KEY[0], 0xba ^ KEY[1], 0xff ^ KEY[2]]);
    assert_eq!(decode(WIDE, &bytes[..bytes.len() - 1], &[1]), (vec![], None));
    assert_eq!(decode(WIDE, &bytes, &[1]), (vec![], Some(DecodeError::TextEncoding)));
}

#[test]
fn a_close_has_its_code_and_reason_and_ends_everything() {
    let close = |code, reason: &str| Event::Close { code, reason: reason.to_owned() };
    let after = frame(TEXT, true, KEY, b"late");
    let garbage = vec![0xff; 40];
    let cases = [
        (&b""[..], close(None, "")),
        (b"\x03\xe8", close(Some(1000), "")),
        (b"\x0f\xa0bye", close(Some(4000), "bye")),
    ];
    for (payload, event) in cases {
        let bytes = [frame(CLOSE, true, KEY, payload), after.clone(), garbage.clone()].concat();
        for sizes in [&[][..], &[1], &[7]] {
            assert_eq!(decode(WIDE, &bytes, sizes), (vec![event.clone()], None));
        }
    }
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4999_u16] {
        let bytes = frame(CLOSE, true, KEY, &code.to_be_bytes());
        assert_eq!(decode(WIDE, &bytes, &[]), (vec![close(Some(code), "")], None));
    }
}

#[test]
fn a_length_in_a_longer_form_than_needed_is_taken() {
    for length in [vec![0xfe, 0, 2], vec![0xff, 0, 0, 0, 0, 0, 0, 0, 2]] {
        let bytes = [&[0x81][..], &length, &[0, 0, 0, 0], b"ok"].concat();
        assert_eq!(decode(WIDE, &bytes, &[1]), (vec![message(b"ok", true)], None));
    }
}

#[test]
fn a_whole_message_is_a_view_into_the_buffer_it_came_in() {
    let mut input = BytesMut::from(&frame(TEXT, true, KEY, b"{\"channel\":\"/a\"}")[..]);
    let start = input[6..].as_ptr();
    let Ok(Some(Event::Message { payload, text: true })) = Decoder::new(WIDE).decode(&mut input) else {
        panic!("no message");
    };
    assert_eq!(payload.as_ptr(), start);
    assert!(input.is_empty());
}

#[test]
fn nothing_is_allocated_for_bytes_that_have_not_come() {
    let mut input = BytesMut::from(&header(TEXT, 1 << 20)[..]);
    let before = input.capacity();
    let mut decoder = Decoder::new(WIDE);
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!((input.capacity(), decoder.held()), (before, 0));
}
