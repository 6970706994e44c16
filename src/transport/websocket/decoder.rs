//! Decodes the bytes of a client to messages, pings, pongs and the close.
//!
//! Checks the order of frames, joins fragments, and enforces UTF-8 and limits.

use bytes::{Buf, BytesMut};
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::control;
use super::error::DecodeError;
use super::event::Event;
use super::frame::Frame;
use super::inflate::inflate;
use super::mask;
use super::utf8::{Invalid, Utf8};
use crate::transport::buffer;

/// Limits of a client's frames. The protocol itself bounds control frames (125 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload of a text, binary or continuation frame, in bytes.
    pub frame: usize,
    /// The longest payload of a message with all its fragments, in bytes. It applies to a compressed message twice: before and
    /// after inflating.
    pub message: usize,
}

/// The decoder of one connection, in the role of the server.
///
/// Between two calls it holds only the joined fragments of an unfinished message, as they arrived. An unfinished frame stays in
/// the caller's buffer, and missing bytes cause no allocation. A compressed message is inflated after its last frame, by an
/// inflater that all connections of the thread share.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    state: State,
    /// The fragments of an unfinished message.
    fragments: Option<Box<Fragments>>,
    /// The payload bytes of the first data frame in the input that are unmasked and checked.
    ready: usize,
    /// The UTF-8 check of an uncompressed text message.
    utf8: Utf8,
    /// Whether messages may be compressed.
    deflate: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// A close frame arrived; all further input is ignored (section 1.4).
    Closed,
    Failed(DecodeError),
}

/// The frames of an unfinished message.
#[derive(Debug)]
struct Fragments {
    payload: BytesMut,
    kind: Kind,
}

/// The kind of a message, from its first frame.
#[derive(Debug, Clone, Copy)]
struct Kind {
    text: bool,
    compressed: bool,
}

impl Decoder {
    /// Creates a decoder for a connection without extensions, after the handshake.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let utf8 = Utf8::default();
        Self { limits, state: State::Open, fragments: None, ready: 0, utf8, deflate: false }
    }

    /// Sets whether the handshake agreed on permessage-deflate with `client_no_context_takeover` (RFC 7692), so that each message
    /// may be compressed separately.
    #[must_use]
    pub fn with_deflate(self, deflate: bool) -> Self {
        Self { deflate, ..self }
    }

    /// Takes the next event off the front of `input`; `None` if the input holds no whole event.
    ///
    /// Call it until it returns `None`, then append further input to the remaining bytes. They must not be changed, because a
    /// part of them may be unmasked already; they may move to another buffer. The rest is shorter than one frame: at most the
    /// longest allowed frame and 14 bytes.
    ///
    /// Violations are reported as early as possible: in a header before its payload arrives, and in text byte by byte. Only
    /// errors in a compressed message are found at its end. The time is linear in the bytes of the input and the output.
    ///
    /// After an [`Event::Close`] it discards all input and returns `None`.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] if the client violates the protocol or a limit. It is final: the decoder discards all further input and
    /// returns the same error again.
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

    /// Returns the number of bytes of an unfinished message in the decoder, at most [`Limits::message`]. Their memory is
    /// up to a quarter more.
    #[must_use]
    pub fn held(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| fragments.payload.len())
    }

    /// Returns the memory of an unfinished message, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.fragments.as_ref().map_or(0, |fragments| size_of::<Fragments>() + fragments.payload.capacity())
    }

    /// Aborts an unfinished message and discards all further input.
    pub fn give_up(&mut self, error: DecodeError, input: &mut BytesMut) {
        self.state = State::Failed(error);
        self.fragments = None;
        *input = BytesMut::new();
    }

    /// Whether a message is incomplete, given the input that [`Decoder::decode`] left.
    #[must_use]
    pub fn is_within_message(&self, input: &[u8]) -> bool {
        self.fragments.is_some() || !input.is_empty()
    }

    /// Whether the undecoded input contains a close frame.
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

    /// Checks the header of a data frame against the frames before it, and returns the kind of its message.
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

    /// Unmasks new payload bytes in place, and checks those of uncompressed text as UTF-8.
    fn prepare(&mut self, frame: &Frame, kind: Kind, input: &mut BytesMut) -> Result<(), DecodeError> {
        let arrived = input.get_mut(frame.header..).unwrap_or_default();
        // The limits bound the length, so an overflow cannot occur where it matters.
        let length = usize::try_from(frame.payload).unwrap_or(usize::MAX).min(arrived.len());
        let fresh = arrived.get_mut(self.ready..length).unwrap_or_default();
        mask::apply(fresh, frame.mask, self.ready);
        if kind.text && !kind.compressed {
            self.utf8.check(fresh).map_err(|Invalid| DecodeError::TextEncoding)?;
        }
        self.ready = length;
        Ok(())
    }

    /// Adds a whole frame to its message. Returns the message after its last frame.
    fn join(&mut self, payload: BytesMut, last: bool, kind: Kind) -> Result<Option<Event>, DecodeError> {
        if last && !self.utf8.is_complete() {
            return Err(DecodeError::TextEncoding);
        }
        let payload = match self.fragments.take() {
            None if last => payload,
            None => {
                // A copy: a small fragment must not keep the caller's whole buffer alive.
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

/// Takes a frame off the front of the input and returns its payload; `None` if the frame is incomplete.
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
