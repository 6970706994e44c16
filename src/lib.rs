//! A publish-subscribe server for browsers on the Bayeux protocol, compatible with Faye.
pub mod bayeux;
pub mod broker;
pub mod config;
pub mod extension;
pub mod metrics;
pub mod peer;
pub mod router;
pub mod server;
pub mod transport;
