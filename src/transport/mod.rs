//! The ways by which messages travel between clients and the server.
//!
//! Responsible for carrying messages in and out; must not know what the messages mean.

pub mod websocket;
