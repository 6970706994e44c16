//! A publish-subscribe server for browsers on the Bayeux protocol, compatible with Faye.
//!
//! A program binds an [`app::App`] with its [`config::Config`] and its [`extension::Extension`]s, and runs it:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use faye_server::app::App;
//! use faye_server::bayeux::{Message, Verb};
//! use faye_server::config::Config;
//! use faye_server::extension::{Extension, Stages, Verdict};
//! use faye_server::peer::Peer;
//!
//! /// Refuses all publications of clients.
//! struct ReadOnly;
//!
//! impl Extension for ReadOnly {
//!     fn name(&self) -> &str {
//!         "read only"
//!     }
//!
//!     fn stages(&self) -> Stages {
//!         Stages { incoming: true, ..Stages::default() }
//!     }
//!
//!     fn incoming<'a>(&'a self, mut message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
//!         if message.verb() == Verb::Publish {
//!             message.refuse("403::Read only");
//!         }
//!         message.into()
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let app = App::bind(&Config::default(), &[Arc::new(ReadOnly)]).await?;
//! println!("listening on {}", app.url()?);
//! app.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! All are on by default. The settings of a part that is not built in are errors.
//!
//! - `acme`: certificates from an ACME authority (`[acme]`).
//! - `bench`: loads for a server, which the command `faye bench` runs.
//! - `cli`: the command line, with its client and the bridge. The binary needs it.
//! - `javascript`: Faye's JavaScript extensions (`extensions.files`).
//! - `jemalloc`: the allocator of the binary and the examples. The library sets none.
//! - `redis`: several instances as one server (`[redis]`).
//! - `store`: state on disk, in SQLite or PostgreSQL.
//! - `websub`: the WebSub hub, feeds and the lifestream. Includes `store`.

pub mod app;
pub mod bayeux;
pub mod config;
pub mod extension;
pub mod peer;

// Not a part of the API: the binary, and the tests and benchmarks of this repository use these modules. They change in any
// version. ARCHITECTURE.md describes them.
#[doc(hidden)]
pub mod admin;
#[cfg(feature = "websub")]
#[doc(hidden)]
pub mod api;
#[doc(hidden)]
pub mod auth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bridge;
#[doc(hidden)]
pub mod broker;
#[doc(hidden)]
pub mod budget;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod client;
#[cfg(feature = "redis")]
#[doc(hidden)]
pub mod cluster;
#[doc(hidden)]
pub mod descriptors;
#[cfg(feature = "websub")]
#[doc(hidden)]
pub mod entries;
#[cfg(test)]
mod exhaustive;
#[doc(hidden)]
pub mod fetch;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "websub")]
#[doc(hidden)]
pub mod hub;
#[cfg(feature = "websub")]
#[doc(hidden)]
pub mod lifestream;
pub(crate) mod lock;
#[doc(hidden)]
pub mod memory;
#[doc(hidden)]
pub mod metrics;
#[cfg(feature = "redis")]
#[doc(hidden)]
pub mod redis;
#[doc(hidden)]
pub mod router;
#[doc(hidden)]
pub mod server;
#[cfg(feature = "store")]
#[doc(hidden)]
pub mod store;
#[cfg(feature = "websub")]
#[doc(hidden)]
pub mod subscriber;
#[doc(hidden)]
pub mod telemetry;
#[doc(hidden)]
pub mod tls;
#[doc(hidden)]
pub mod transport;
#[cfg(feature = "websub")]
pub(crate) mod web;
#[doc(hidden)]
pub mod webhook;

/// The Rust code of the documents, which `cargo test --doc` compiles. The other code is run by `tests/snippets`.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../docs/extensions.md")]
    mod extensions {}
    #[doc = include_str!("../docs/library.md")]
    mod library {}
}
