//! Settings: what a file may say, where settings come from, reloads, and the log.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod config;
mod log;
mod reload;
