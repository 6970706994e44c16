//! Who may connect, publish and subscribe: rules, tokens, secrets, origins, hooks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod hooks;
mod origins;
mod push_secret;
mod rules;
mod takeover;
mod tokens;
