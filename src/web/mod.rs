//! The common part of the hub and the subscriber: URLs, link relations and discovery (WebSub, section 4), content
//! types, content codings, validators, signatures, the limits of requests to other hosts, and workers.
//!
//! This module must not know the purpose of requests.

mod breaker;
pub(crate) mod coding;
pub(crate) mod date;
pub(crate) mod discover;
pub(crate) mod feed;
pub(crate) mod freshness;
pub(crate) mod get;
pub(crate) mod get_error;
pub(crate) mod hosts;
pub(crate) mod links;
pub(crate) mod notices;
pub(crate) mod own;
pub(crate) mod place;
pub(crate) mod rate;
pub(crate) mod sign;
pub(crate) mod sniff;
pub(crate) mod urls;
pub(crate) mod workers;
