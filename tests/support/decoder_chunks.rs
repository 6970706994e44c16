//! Feeds the WebSocket decoder and holds it to what must be true of any input. Shared by the property tests
//! (`tests/transport/decoder.rs`) and the fuzz target (`fuzz/fuzz_targets/decoder.rs`); must know neither.

use bytes::BytesMut;
use faye_server::transport::websocket::{DecodeError, Decoder, Event, Limits};

/// The longest header of a masked frame, in bytes.
const HEADER: usize = 14;
/// The longest payload of a control frame, in bytes.
const CONTROL: usize = 125;

/// What came of a stream of bytes.
pub(crate) type Outcome = (Vec<Event>, Option<DecodeError>);

/// Takes limits, sizes of chunks and whether compression was agreed on from the front of `data`, and holds the decoder
/// to the same outcome whether the rest comes at once or in these chunks.
///
/// # Panics
///
/// If the decoder breaks a promise.
pub(crate) fn check(data: &[u8]) {
    let [frame, message, chunks, stream @ ..] = data else { return };
    let limits = Limits { frame: square(*frame), message: square(*message) };
    let (sizes, stream) = stream.split_at(stream.len().min(usize::from(chunks % 8)));
    let sizes: Vec<usize> = sizes.iter().map(|size| usize::from(*size) + 1).collect();
    let decode = if *chunks & 8 == 0 { decode } else { decode_deflate };
    let whole = decode(limits, stream, &[]);
    assert_eq!(decode(limits, stream, &sizes), whole, "in chunks of {sizes:?}");
    assert_eq!(decode(limits, stream, &[1]), whole, "byte by byte");
}

/// Decodes `stream` in chunks of the given sizes over and over; at once when there are none.
///
/// # Panics
///
/// If the decoder breaks a promise.
pub(crate) fn decode(limits: Limits, stream: &[u8], sizes: &[usize]) -> Outcome {
    decode_with(Decoder::new(limits), limits, stream, sizes)
}

/// The same where compression was agreed on.
///
/// # Panics
///
/// If the decoder breaks a promise.
pub(crate) fn decode_deflate(limits: Limits, stream: &[u8], sizes: &[usize]) -> Outcome {
    decode_with(Decoder::new(limits).with_deflate(true), limits, stream, sizes)
}

fn decode_with(mut decoder: Decoder, limits: Limits, stream: &[u8], sizes: &[usize]) -> Outcome {
    let mut input = BytesMut::new();
    let mut events = Vec::new();
    let mut rest = stream;
    let at_once = [stream.len()];
    for size in if sizes.is_empty() { &at_once } else { sizes }.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, later) = rest.split_at(rest.len().min(*size));
        rest = later;
        // What is left over may move to another buffer between two reads.
        if input.len() < 1000 && rest.len().is_multiple_of(2) {
            input = BytesMut::from(&input[..]);
        }
        input.extend_from_slice(chunk);
        if let Err(error) = drain(&mut decoder, &mut input, limits, &mut events) {
            refuses_more(&mut decoder, error);
            return (events, Some(error));
        }
        assert!(
            input.len() < limits.frame.max(CONTROL).saturating_add(HEADER),
            "{} bytes left over",
            input.len()
        );
        let held = input.len() + decoder.held();
        assert!(held < limits.message.saturating_add(HEADER + CONTROL), "{held} bytes held");
    }
    (events, None)
}

fn drain(
    decoder: &mut Decoder,
    input: &mut BytesMut,
    limits: Limits,
    events: &mut Vec<Event>,
) -> Result<(), DecodeError> {
    while let Some(event) = decoder.decode(input)? {
        assert!(!matches!(events.last(), Some(Event::Close { .. })), "{event:?} after a close");
        match &event {
            Event::Message { payload, text } => {
                assert!(payload.len() <= limits.message);
                assert!(!text || std::str::from_utf8(payload).is_ok());
            }
            Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= CONTROL),
            Event::Close { reason, .. } => assert!(reason.len() <= CONTROL - 2),
        }
        events.push(event);
    }
    Ok(())
}

/// After an error, even a perfect frame is answered with the same error, and nothing is kept.
fn refuses_more(decoder: &mut Decoder, error: DecodeError) {
    let mut input = BytesMut::from(&[0x81, 0x80, 0, 0, 0, 0][..]);
    assert_eq!(decoder.decode(&mut input), Err(error));
    assert_eq!(input.len() + decoder.held(), 0);
}

fn square(byte: u8) -> usize {
    usize::from(byte) * usize::from(byte)
}
