//! Settings: one struct per section, whose `Default` is the documented default.
//!
//! This module knows the notation of settings (file, environment, units), and not their effects. `faye.toml` at the
//! root of the project documents every key; a test compares it with these structs.

mod accepts;
mod access;
mod built;
mod checks;
mod cluster;
mod delivery;
mod dialect;
mod document;
mod draft;
mod examples;
mod extensions;
mod feed_fields;
mod feeds;
mod guard;
mod hooks;
mod host_name;
mod keys;
mod kinds;
mod listen;
mod load;
mod log;
mod near_miss;
mod own_pages;
mod page_origin;
mod places;
mod problem;
mod public_url;
mod redact;
mod renamed;
mod root;
mod secret;
mod sections;
mod suggest;
#[doc(hidden)]
pub mod units;
mod value;
mod warnings;
mod websub;

pub use access::Access;
pub use cluster::{Ack, HistoryStore, Redis};
pub use delivery::{EventSource, Mailbox, Overflow, WebSocket};
pub use dialect::{Dialect, UnknownClientError};
pub use extensions::{Extensions, OnFailure};
#[doc(hidden)]
pub use feed_fields::read_feed;
pub use feeds::{Feed, Feeds, Images, Ingest, Lifestream};
pub use guard::{
    Browsers, ChannelRule, Handshake, History, PrivatePub, Push, Rates, ReplayId, ReplayLost, Token, TokenKey,
};
pub use hooks::{Hook, OnError, Webhook};
pub use host_name::HostName;
#[doc(hidden)]
pub use keys::{KEYS, Key};
pub use listen::ListenAddress;
pub use load::{DEFAULT_FILE, Override, check, load};
#[doc(hidden)]
pub use load::{check_part, load_for_client};
pub use log::{Log, LogFormat};
#[doc(hidden)]
pub use own_pages::OwnPages;
pub use page_origin::PageOrigin;
pub use places::Places;
pub use problem::{Origin, Problem, Problems};
#[cfg(feature = "websub")]
pub(crate) use redact::redact;
#[doc(hidden)]
pub use renamed::{RENAMED, Renamed};
pub use root::Config;
pub use secret::Secret;
pub use sections::{Acme, Admin, Advice, Limits, PageMode, Server, Tls};
#[doc(inline)]
pub use units::{MemoryLimit, Rate};
#[doc(hidden)]
pub use warnings::{unused_variables, weak_secrets};
pub use websub::{Api, Change, Durability, Hub, Ping, PingKind, SignatureMethod, Store, TopicPolicy};
