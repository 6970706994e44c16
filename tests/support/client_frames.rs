//! Frames as a client writes them, and proptest strategies for conversations of them. They are written by
//! tungstenite, not by the code under test; must not know the decoder, only its events.

use bytes::Bytes;
use faye_server::transport::websocket::{Control, Data, Event, OpCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tungstenite::protocol::frame::FrameHeader;

pub(crate) const TEXT: OpCode = OpCode::Data(Data::Text);
pub(crate) const BINARY: OpCode = OpCode::Data(Data::Binary);
pub(crate) const CONTINUE: OpCode = OpCode::Data(Data::Continue);
pub(crate) const PING: OpCode = OpCode::Control(Control::Ping);
const PONG: OpCode = OpCode::Control(Control::Pong);
pub(crate) const CLOSE: OpCode = OpCode::Control(Control::Close);

pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) fn frame(opcode: OpCode, is_final: bool, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = FrameHeader { opcode, is_final, mask: Some(key), ..FrameHeader::default() };
    assert!(header.format(payload.len() as u64, &mut bytes).is_ok());
    bytes.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ key[index % 4]));
    bytes
}

/// Only the header of a last frame that claims `length` bytes.
pub(crate) fn header(opcode: OpCode, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = FrameHeader { opcode, mask: Some(KEY), ..FrameHeader::default() };
    assert!(header.format(length, &mut bytes).is_ok());
    bytes
}

pub(crate) fn message(payload: &[u8], text: bool) -> Event {
    Event::Message { payload: Bytes::copy_from_slice(payload), text }
}

/// Frames of a client and the events that they stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

impl Script {
    fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
        self.events.extend_from_slice(&other.events);
    }
}

/// Mostly short lengths; some where the form of the length changes.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..40_usize, 3 => 120..130_usize, 1 => 65_530..65_540_usize]
}

/// A text of about `length` bytes with characters of one to four bytes.
pub(crate) fn text_payload() -> impl Strategy<Value = Vec<u8>> {
    (length(), vec(any::<char>(), 1..8)).prop_map(|(length, characters)| {
        let mut text = String::new();
        for character in characters.iter().cycle() {
            if text.len() + character.len_utf8() > length {
                break;
            }
            text.push(*character);
        }
        text.extend(std::iter::repeat_n('x', length - text.len()));
        text.into_bytes()
    })
}

fn binary_payload() -> impl Strategy<Value = Vec<u8>> {
    (length(), vec(any::<u8>(), 1..8))
        .prop_map(|(length, bytes)| bytes.iter().copied().cycle().take(length).collect())
}

fn control() -> impl Strategy<Value = Script> {
    (any::<bool>(), any::<[u8; 4]>(), vec(any::<u8>(), 0..=125)).prop_map(|(ping, key, payload)| {
        let event = if ping { Event::Ping } else { Event::Pong };
        let opcode = if ping { PING } else { PONG };
        Script {
            bytes: frame(opcode, true, key, &payload),
            events: vec![event(Bytes::copy_from_slice(&payload))],
        }
    })
}

/// Where to cut, the key of the frame before it, and a control frame to put there.
pub(crate) type Cut = (Index, [u8; 4], Option<Script>);

/// What writes a frame: its opcode, whether it is the last of its message, its key and its payload.
pub(crate) type Frame = fn(OpCode, bool, [u8; 4], &[u8]) -> Vec<u8>;

/// Cuts a payload anywhere, even within characters, into frames with control frames between them.
pub(crate) fn fragmented(opcode: OpCode, payload: &[u8], cuts: &[Cut]) -> Script {
    let mut script = in_frames(frame, opcode, payload, cuts);
    script.events.push(message(payload, opcode == TEXT));
    script
}

/// The frames of a message, the first of them written by `first`, and the events of the control frames between.
pub(crate) fn in_frames(first: Frame, opcode: OpCode, payload: &[u8], cuts: &[Cut]) -> Script {
    let mut places: Vec<usize> = cuts.iter().map(|(cut, _, _)| cut.index(payload.len() + 1)).collect();
    places.sort_unstable();
    let mut script = Script::default();
    let mut start = 0;
    for (number, (_, key, control)) in cuts.iter().enumerate() {
        let (frame, opcode) = if number == 0 { (first, opcode) } else { (frame as Frame, CONTINUE) };
        script.bytes.extend(frame(opcode, false, *key, &payload[start..places[number]]));
        if let Some(control) = control {
            script.append(control);
        }
        start = places[number];
    }
    let (frame, opcode) = if cuts.is_empty() { (first, opcode) } else { (frame as Frame, CONTINUE) };
    script.bytes.extend(frame(opcode, true, KEY, &payload[start..]));
    script
}

pub(crate) fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    vec((any::<Index>(), any::<[u8; 4]>(), proptest::option::of(control())), 0..4)
}

/// An opcode of a message and a payload that goes with it.
pub(crate) fn payload() -> impl Strategy<Value = (OpCode, Vec<u8>)> {
    prop_oneof![
        text_payload().prop_map(|payload| (TEXT, payload)),
        binary_payload().prop_map(|payload| (BINARY, payload)),
    ]
}

fn whole_message() -> impl Strategy<Value = Script> {
    (payload(), cuts()).prop_map(|((opcode, payload), cuts)| fragmented(opcode, &payload, &cuts))
}

pub(crate) fn conversation() -> impl Strategy<Value = Script> {
    conversation_of(whole_message())
}

/// Messages of that kind and control frames between them.
pub(crate) fn conversation_of(message: impl Strategy<Value = Script>) -> impl Strategy<Value = Script> {
    vec(prop_oneof![3 => message, 1 => control()], 0..6).prop_map(|parts| {
        let mut script = Script::default();
        parts.iter().for_each(|part| script.append(part));
        script
    })
}

pub(crate) fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..4_usize, 1..4), vec(1..300_usize, 1..6), vec(1..70_000_usize, 1..4)]
}
