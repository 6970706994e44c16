//! The reading side: from the bytes of a client to messages, pings, pongs and the close.
//!
//! Responsible for the order of frames, the assembly of fragments, UTF-8 and limits; must not know sockets,
//! what is answered, what a message says, or how it is inflated.

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::control;
use super::error::DecodeError;
use super::frame::Frame;
use super::inflate::inflate;
use super::mask;
use super::utf8::{Invalid, Utf8};
use crate::transport::buffer;

/// Bounds on what a client may send. Control frames are bounded by the protocol itself (125 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload of one text, binary or continuation frame, in bytes.
    pub frame: usize,
    /// The longest payload of one message over all its fragments, in bytes. A compressed one is held to it twice: as
    /// it comes, and inflated.
    pub message: usize,
}

/// Something that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole message (RFC 6455, section 5.6), unmasked, joined from its fragments, and inflated.
    Message {
        /// The payload; at most [`Limits::message`] bytes. If it came in one frame, and not compressed, it is a
        /// view into the caller's buffer and keeps that alive: copy what is to be kept for long.
        payload: Bytes,
        /// True for a text message, whose payload is then valid UTF-8. False for a binary message, whose
        /// payload is whatever was sent; Faye reads it as text all the same.
        text: bool,
    },
    /// A ping (section 5.5.2) with its payload of at most 125 bytes, to be sent back in a pong.
    Ping(Bytes),
    /// A pong (section 5.5.3) with its payload of at most 125 bytes.
    Pong(Bytes),
    /// The client closes (section 5.5.1). This is the last event of a connection.
    Close {
        /// The code, one that an endpoint may send (section 7.4); `None` if the frame had no payload.
        code: Option<u16>,
        /// The reason; at most 123 bytes, often empty.
        reason: String,
    },
}

/// The decoder of one connection, in the role of the server.
///
/// Between two calls it holds only the joined fragments of an unfinished message, as they came. An unfinished frame
/// stays in the caller's buffer, and nothing is allocated for bytes that have not arrived. A compressed message is
/// inflated when its last frame is there, with what the thread has for all connections.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    /// The message whose last frame has not arrived as a whole; `None` if none was begun.
    fragments: Option<Box<Fragments>>,
    /// How many payload bytes of the data frame at the front of the input are unmasked and checked already.
    ready: usize,
    /// The check of the text message under way, unless that is compressed.
    utf8: Utf8,
    /// Whether messages may be compressed.
    deflate: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// A close frame arrived: data after it is ignored (section 1.4).
    Closed,
    Failed(DecodeError),
}

/// The frames so far of a message in several frames.
#[derive(Debug)]
struct Fragments {
    payload: BytesMut,
    kind: Kind,
}

/// What the first frame says of a message.
#[derive(Debug, Clone, Copy)]
struct Kind {
    text: bool,
    compressed: bool,
}

impl Decoder {
    /// A decoder for a connection whose handshake is done, with no extension agreed on.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let utf8 = Utf8::default();
        Self { limits, state: State::Open, fragments: None, ready: 0, utf8, deflate: false }
    }

    /// Says whether permessage-deflate was agreed on, with `client_no_context_takeover` (RFC 7692): then messages may
    /// be compressed, each on its own.
    #[must_use]
    pub fn with_deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }

    /// Takes the next event off the front of `input`; `None` when more bytes are needed for one.
    ///
    /// Call it until it gives `None`, then append what arrives next to the bytes that it left, which must be
    /// handed back as they are: a part of them may be unmasked already. They may move to another buffer.
    /// What it leaves is less than one frame, so at most 14 bytes more than the longest frame allowed.
    ///
    /// Headers are judged before their payload arrives, and text is judged byte by byte even within an
    /// unfinished frame, so that a violation is reported at the earliest. Only what is wrong within a compressed
    /// message is found at its end. The work is linear in the bytes that come and in those that are given.
    ///
    /// After a [`Event::Close`] it discards all input and gives `None`.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] when the client broke the protocol or a limit. It is final: the decoder discards all
    /// further input and gives the same error again.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Event>, DecodeError> {
        let result = match self.state {
            State::Open => self.next_event(input),
            State::Closed => Ok(None),
            State::Failed(error) => Err(error),
        };
        match result {
            Ok(Some(Event::Close { .. })) => self.state = State::Closed,
            Err(error) => self.state = State::Failed(error),
            Ok(_) => {}
        }
        if !matches!(self.state, State::Open) {
            self.fragments = None;
            input.clear();
        }
        result
    }

    /// How many bytes of an unfinished message the decoder holds; at most [`Limits::message`]. The memory
    /// behind them is up to a quarter more.
    #[must_use]
    pub fn held(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len())
    }

    /// Bytes of memory that the decoder holds of an unfinished message.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| size_of::<Fragments>() + fragments.payload.capacity())
    }

    /// Gives an unfinished message up: all further input is discarded.
    pub fn give_up(&mut self, error: DecodeError, input: &mut BytesMut) {
        self.state = State::Failed(error);
        self.fragments = None;
        *input = BytesMut::new();
    }

    /// Whether a message was begun and not all of it has arrived, given what [`Decoder::decode`] left of the input.
    #[must_use]
    pub fn is_within_message(&self, input: &[u8]) -> bool {
        self.fragments.is_some() || !input.is_empty()
    }

    /// Whether a close frame is among the bytes that have arrived and are not decoded yet.
    #[must_use]
    pub fn sees_close(&self, input: &[u8]) -> bool {
        let mut rest = input;
        while let Ok(Some(frame)) = Frame::parse(rest, self.deflate) {
            if matches!(frame.opcode, OpCode::Control(Control::Close)) {
                return true;
            }
            let length =
                usize::try_from(frame.payload).ok().and_then(|payload| payload.checked_add(frame.header));
            match length.and_then(|length| rest.get(length..)) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        false
    }

    fn next_event(&mut self, input: &mut BytesMut) -> Result<Option<Event>, DecodeError> {
        while let Some(frame) = Frame::parse(input, self.deflate)? {
            match frame.opcode {
                OpCode::Control(kind) => {
                    let Some(mut payload) = take_whole(&frame, input) else { return Ok(None) };
                    mask::apply(&mut payload, frame.mask, 0);
                    return control::read(kind, payload.freeze()).map(Some);
                }
                OpCode::Data(opcode) => {
                    let kind = self.admit(opcode, &frame)?;
                    self.prepare(&frame, kind, input)?;
                    let Some(payload) = take_whole(&frame, input) else { return Ok(None) };
                    self.ready = 0;
                    if let Some(event) = self.join(payload, frame.last, kind)? {
                        return Ok(Some(event));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Judges a data frame by its header, given the frames before it, and says what it is a part of.
    fn admit(&self, opcode: Data, frame: &Frame) -> Result<Kind, DecodeError> {
        let compressed = frame.compressed;
        let kind = match (&self.fragments, opcode) {
            (Some(fragments), Data::Continue) => fragments.kind,
            (None, Data::Text) => Kind { text: true, compressed },
            (None, Data::Binary) => Kind { text: false, compressed },
            (None, Data::Continue) => return Err(DecodeError::UnexpectedContinuation),
            (Some(_), Data::Text | Data::Binary) => return Err(DecodeError::UnfinishedMessage),
            (_, Data::Reserved(opcode)) => return Err(DecodeError::ReservedOpcode(opcode)),
        };
        if frame.payload > self.limits.frame as u64 {
            return Err(DecodeError::LongFrame);
        }
        // Both are below 2^63: no overflow.
        if frame.payload + self.held() as u64 > self.limits.message as u64 {
            return Err(DecodeError::LongMessage);
        }
        Ok(kind)
    }

    /// Unmasks in place, and checks as UTF-8 if it is plain text, what has newly arrived of the frame's payload.
    fn prepare(&mut self, frame: &Frame, kind: Kind, input: &mut BytesMut) -> Result<(), DecodeError> {
        let arrived = input.get_mut(frame.header..).unwrap_or_default();
        // The limits bound the length already, so that it fits whenever it matters.
        let length = usize::try_from(frame.payload).unwrap_or(usize::MAX).min(arrived.len());
        let fresh = arrived.get_mut(self.ready..length).unwrap_or_default();
        mask::apply(fresh, frame.mask, self.ready);
        if kind.text && !kind.compressed {
            self.utf8.check(fresh).map_err(|Invalid| DecodeError::TextEncoding)?;
        }
        self.ready = length;
        Ok(())
    }

    /// Adds a whole frame to its message; gives the message if that was its last frame.
    fn join(&mut self, payload: BytesMut, last: bool, kind: Kind) -> Result<Option<Event>, DecodeError> {
        if last && !self.utf8.is_complete() {
            return Err(DecodeError::TextEncoding);
        }
        let payload = match self.fragments.take() {
            None if last => payload,
            None => {
                // A copy, so that a small fragment does not keep the caller's whole buffer alive.
                self.fragments = Some(Box::new(Fragments { payload: BytesMut::from(&payload[..]), kind }));
                return Ok(None);
            }
            Some(mut fragments) => {
                buffer::append(&mut fragments.payload, &payload);
                if !last {
                    self.fragments = Some(fragments);
                    return Ok(None);
                }
                fragments.payload
            }
        };
        self.message(payload, kind).map(Some)
    }

    fn message(&self, payload: BytesMut, kind: Kind) -> Result<Event, DecodeError> {
        let Kind { text, compressed } = kind;
        if !compressed {
            return Ok(Event::Message { payload: payload.freeze(), text });
        }
        let payload = inflate(&payload, self.limits.message)?;
        if text && std::str::from_utf8(&payload).is_err() {
            return Err(DecodeError::TextEncoding);
        }
        Ok(Event::Message { payload, text })
    }
}

/// Takes the frame off the front of the input and gives its payload; `None` until it is there as a whole.
fn take_whole(frame: &Frame, input: &mut BytesMut) -> Option<BytesMut> {
    let length = usize::try_from(frame.payload).ok()?;
    if input.len() - frame.header < length {
        return None;
    }
    input.advance(frame.header);
    Some(input.split_to(length))
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    #[test]
    fn an_idle_decoder_is_small() {
        assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    }
}
