//! A publish-subscribe server for browsers on the Bayeux protocol, compatible with Faye.
pub mod config;
pub mod transport;
