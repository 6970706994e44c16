//! The WebSocket protocol (RFC 6455) as seen by a server, without any input or output of its own.
//!
//! Responsible for turning bytes into events and payloads into frames, and for the answer to an upgrade
//! request. Must not know sockets, timers, tasks or what the messages say: whoever owns the connection
//! reads into a buffer, hands it to the [`Decoder`], and writes what the [`encoder`] made.

pub mod decoder;
pub mod encoder;
mod error;
mod frame;
pub mod handshake;
mod mask;
mod utf8;

pub use decoder::{Decoder, Event, Limits};
pub use encoder::TextFrame;
pub use error::DecodeError;
pub use handshake::{AcceptKey, Refusal};
pub use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
