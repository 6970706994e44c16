//! The WebSocket codec (RFC 6455) with compression (RFC 7692), without input or output.
//!
//! `decoder`, `encoder` and `handshake` have the protocol; `negotiation`, `inflate` and `deflate` have the compression. They
//! convert bytes to events and payloads to frames. They use no sockets, timers or tasks, and do not interpret messages.

mod control;
pub mod decoder;
pub mod deflate;
pub mod encoder;
mod error;
mod event;
mod frame;
pub mod handshake;
mod inflate;
mod mask;
pub mod negotiation;
mod utf8;

pub use decoder::{Decoder, Limits};
pub use encoder::TextFrame;
pub use error::DecodeError;
pub use event::Event;
pub use handshake::{AcceptKey, Refusal};
pub use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
