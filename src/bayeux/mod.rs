//! The Bayeux protocol as pure functions and values: channels, messages, replies, errors, advice.
//!
//! Nothing here awaits, reads a clock, draws a random number or knows a socket, a setting or a session.

pub mod advice;
pub mod channel;
pub mod client_id;
pub mod error;
pub mod json;
pub mod key;
pub mod message;
pub mod parse;
pub mod partition;
pub mod pattern;
pub mod positions;
pub mod publication;
pub mod reply;

pub use advice::Advice;
pub use channel::Verb;
pub use client_id::ClientId;
pub use error::BayeuxError;
pub use key::Key;
pub use message::{Field, Message};
pub use partition::{PARTITIONS, Partition, StreamPosition};
pub use pattern::{Compiled, Pattern};
pub use positions::Positions;
pub use publication::Publication;

/// The protocol version of every handshake reply (Bayeux 1.0, section 3.3).
pub const VERSION: &str = "1.0";

/// The connection types of every handshake reply, in Faye's order.
pub const CONNECTION_TYPES: [&str; 6] = [
    "long-polling",
    "cross-origin-long-polling",
    "callback-polling",
    "websocket",
    "eventsource",
    "in-process",
];
