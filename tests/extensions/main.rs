//! What others add: extensions in Rust and JavaScript, and the webhooks that an application gets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod embed;
mod javascript;
mod javascript_limits;
mod outgoing;
mod webhooks;
