//! Entries of feeds: parsed from a document, identified, sanitized, and encoded as the message for subscribers.
//!
//! Everything here is pure: it must not know the network, the store, or the followers of a feed.

pub mod import;
mod message;
pub mod name;
pub mod opml;
mod prepare;
mod read;
pub mod sanitise;

pub use message::{FeedInfo, message};
pub use prepare::prepare;
use read::read_most;
pub use read::{Document, Found, ReadError, Reading, read};
