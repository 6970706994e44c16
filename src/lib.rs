//! A publish-subscribe server for browsers on the Bayeux protocol, compatible with Faye.
//!
//! # Layout
//!
//! From the bottom up; a module knows only those above it in this list:
//!
//! - [`budget`]: the memory that clients may make the server use, all together.
//! - [`bayeux`]: the protocol as pure functions: channels, messages, replies, publications.
//! - [`config`], [`metrics`], [`peer`], [`telemetry`], [`descriptors`], [`memory`]: settings, counters, who is talking,
//!   logs, how many files may be open, how much memory there is.
//! - [`tls`], [`fetch`]: certificates, outgoing HTTP.
//! - [`auth`]: authentication, authorization, rate limits, origins and proxies; the authorization hook.
//! - [`router`]: who on this node gets a publication: the trie, sessions, mailboxes.
//! - [`redis`]: the client of Redis: connection, keys, scripts.
//! - [`broker`]: distributes a publication to all instances.
//! - [`cluster`]: the session directory, the membership of instances, and requests between them.
//! - [`extension`]: the pipeline that messages pass on the way in and out.
//! - [`server`]: what each verb of the protocol does.
//! - `store`: state on disk, in SQLite or PostgreSQL.
//! - [`transport`]: HTTP, EventSource and WebSocket.
//! - [`admin`]: health, metrics, the page at `/`.
//! - `hub`: the WebSub hub.
//! - `api`: the management API.
//! - [`webhook`]: tells the application what happens.
//! - [`client`]: a small Bayeux client.
//! - [`bridge`]: carries messages between two servers.
//! - [`mod@bench`]: loads for a server, and the floor that they are compared with.
//! - [`app`], [`cli`]: all of it together, and the command line.
//!
//! A program that embeds the server binds an [`app::App`] with its [`extension::Extension`]s and runs it; see
//! `examples/` in the repository.

pub mod admin;
#[cfg(feature = "websub")]
pub mod api;
pub mod app;
pub mod auth;
pub mod bayeux;
pub mod bench;
pub mod bridge;
pub mod broker;
pub mod budget;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod config;
pub mod descriptors;
#[cfg(feature = "websub")]
pub mod entries;
pub mod extension;
pub mod fetch;
#[cfg(feature = "websub")]
pub mod hub;
#[cfg(feature = "websub")]
pub mod lifestream;
pub(crate) mod lock;
pub mod memory;
pub mod metrics;
pub mod peer;
pub mod redis;
pub mod router;
pub mod server;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "websub")]
pub mod subscriber;
pub mod telemetry;
pub mod tls;
pub mod transport;
#[cfg(feature = "websub")]
pub(crate) mod web;
pub mod webhook;

/// The Rust code of the documents, which `cargo test --doc` compiles. The other code is run by `tests/snippets`.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../docs/extensions.md")]
    mod extensions {}
    #[doc = include_str!("../docs/library.md")]
    mod library {}
}
