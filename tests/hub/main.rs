//! The WebSub hub.

#![cfg(feature = "websub")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod hub_api;
mod hub_deliver;
mod hub_feeds;
mod hub_fetch;
mod hub_kill;
mod hub_outage;
mod hub_ping;
mod hub_requests;
mod hub_verify;
