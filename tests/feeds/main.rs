//! Feeds, the callbacks of subscriptions, and the lifestream.

#![cfg(feature = "websub")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod feed_corpus;
mod feeds_api;
mod feeds_callback;
mod feeds_follow;
mod feeds_kill;
mod feeds_policy;
mod feeds_reload;
mod lifestream;
