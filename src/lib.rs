//! A publish-subscribe server for browsers on the Bayeux protocol, compatible with Faye.
pub mod config;
pub mod bayeux;
pub mod metrics;
pub mod peer;
pub mod router;
pub mod broker;
pub mod extension;
pub mod server;
