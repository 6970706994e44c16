//! Everything is bounded: settings of `[limits]`, rates, memory, descriptors, and known attacks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/mod.rs"]
mod support;

mod advisories;
mod budget;
mod descriptors;
mod limits;
mod rates;
