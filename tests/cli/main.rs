//! The command line: each command as a process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod bridge;
mod bridge_outages;
mod cli;
mod cli_subscribe;
