//! Entries of feeds: read from a document, identified, sanitised, and written as the message that subscribers get.
//!
//! Everything here is pure: it must not know the network, the store, or who follows a feed.

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
