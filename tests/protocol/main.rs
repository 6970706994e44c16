//! What each message of the protocol does, and what the server guarantees: one module for each verb or behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests panic as well")]

#[path = "../support/parser_check.rs"]
mod parser_check;
#[path = "../support/mod.rs"]
mod support;

mod advice;
mod connect;
mod dialect;
mod disconnect;
mod expiry;
mod guarantees;
mod handshake;
mod hostile;
mod overflow;
mod parser;
mod publish;
mod subscribe;
mod trie;
mod unsubscribe;
