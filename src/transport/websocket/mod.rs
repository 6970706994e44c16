//! WebSockets (RFC 6455) as a transport.
//!
//! The protocol is in `decoder`, `encoder` and `handshake`, that of compression (RFC 7692) in `negotiation`, `inflate`
//! and `deflate`, all without any input or output of their own: they turn bytes into events and payloads into frames,
//! and know no sockets, timers or tasks, nor what the messages say. `connection` is the task that reads and hands
//! messages to the server.

pub(super) mod connection;
mod control;
pub mod decoder;
pub mod deflate;
pub mod encoder;
mod error;
mod frame;
pub mod handshake;
mod inflate;
mod mask;
pub mod negotiation;
mod utf8;
mod watch;

pub use decoder::{Decoder, Event, Limits};
pub use encoder::TextFrame;
pub use error::DecodeError;
pub use handshake::{AcceptKey, Refusal};
pub use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
