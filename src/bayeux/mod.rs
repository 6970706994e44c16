//! The Bayeux protocol as pure functions and values: channels, messages, replies, errors, advice.
//!
//! This module does not await, read a clock or draw random numbers, and must not know sockets, settings or sessions.

pub mod json;

#[doc(hidden)]
pub mod advice;
#[doc(hidden)]
pub mod channel;
#[doc(hidden)]
pub mod client_id;
#[doc(hidden)]
pub mod cursor;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod event;
#[doc(hidden)]
pub mod key;
#[doc(hidden)]
pub mod message;
#[doc(hidden)]
pub mod parse;
#[doc(hidden)]
pub mod partition;
#[doc(hidden)]
pub mod pattern;
#[doc(hidden)]
pub mod positions;
#[doc(hidden)]
pub mod publication;
#[doc(hidden)]
pub mod reply;

#[doc(hidden)]
pub use channel::Grammar;
#[doc(inline)]
pub use channel::Verb;
#[doc(inline)]
pub use client_id::ClientId;
#[doc(inline)]
pub use message::{Field, Message};

#[doc(hidden)]
pub use advice::Advice;
#[doc(hidden)]
pub use cursor::Cursor;
#[doc(hidden)]
pub use error::{BayeuxError, UnknownClient};
#[doc(hidden)]
pub use key::Key;
#[doc(hidden)]
pub use partition::{PARTITIONS, Partition, StreamPosition};
#[doc(hidden)]
pub use pattern::{Compiled, Pattern};
#[doc(hidden)]
pub use positions::{PageStart, Positions};
#[doc(hidden)]
pub use publication::Publication;

/// The protocol version of every handshake reply (Bayeux 1.0, section 3.3).
#[doc(hidden)]
pub const VERSION: &str = "1.0";

/// The connection types of every handshake reply, in Faye's order.
#[doc(hidden)]
pub const CONNECTION_TYPES: [&str; 6] = [
    "long-polling",
    "cross-origin-long-polling",
    "callback-polling",
    "websocket",
    "eventsource",
    "in-process",
];
