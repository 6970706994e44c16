//! How messages travel: HTTP, EventSource, WebSocket and TLS, their codecs, and what else HTTP serves.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/client_frames.rs"]
mod client_frames;
#[path = "../support/compressed_frames.rs"]
mod compressed_frames;
#[path = "../support/decoder_chunks.rs"]
mod decoder_chunks;
#[path = "../support/mod.rs"]
mod support;

mod acknowledged;
mod acme;
mod admin;
mod assets;
mod assets_cached;
mod backlog;
mod certificates;
mod compressed;
mod compression;
mod decoder;
mod drain;
mod garbage;
mod http;
mod mailbox;
mod ping;
mod replay;
mod routes;
mod tls;
mod transports;
mod upgrade;
