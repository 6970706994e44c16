//! Settings: one struct a section, whose `Default` is the documented default.
//!
//! This module knows how settings are spelled (file, environment, units) and nothing of what they do.
//! `faye.toml` at the root of the project documents every key; a test holds it against these structs.

mod document;
mod draft;
mod keys;
mod load;
mod problem;
mod sections;
mod suggest;
pub mod units;
mod value;

pub use keys::{KEYS, Key};
pub use load::{DEFAULT_FILE, Override, check, load};
pub use problem::{Origin, Problem, Problems};
pub use sections::{
    Admin, Advice, ChannelRule, Config, EventSource, Extensions, Limits, Log, LogFormat, Mailbox, Overflow,
    Server, WebSocket,
};
