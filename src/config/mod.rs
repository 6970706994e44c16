//! Settings: one struct a section, whose `Default` is the documented default.
//!
//! This module knows how settings are spelled (file, environment, units) and nothing of what they do.
//! `faye.toml` at the root of the project documents every key; a test holds it against these structs.

mod load;
mod sections;
pub mod units;

pub use load::{Problem, Problems, check, load};
pub use sections::{
    Admin, Advice, ChannelRule, Config, EventSource, Limits, Log, LogFormat, Mailbox, Overflow, Server, WebSocket,
};
