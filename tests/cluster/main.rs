//! Several instances: every broker, and waits on other instances. They start Redis servers of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod ack;
mod acknowledged;
mod broker;
mod dialect;
mod directory;
mod fence;
mod handoff;
mod helpers;
mod leaving;
mod redis_check;
mod replay;
