//! Rules for sources and documents that no compiler checks. Nothing here starts a server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

mod dependencies;
mod features;
mod names;
mod programs;
mod tidy;
